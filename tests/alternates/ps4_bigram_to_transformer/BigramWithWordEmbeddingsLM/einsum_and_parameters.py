class BigramWithWordEmbeddingsLM(nn.Module):
    def __init__(self, vocab_size, embed_size=32):
        super().__init__()
        self.token_embedding_table = nn.Parameter(torch.randn(vocab_size, embed_size))
        self.lm_head = nn.Parameter(torch.randn(embed_size, vocab_size) / embed_size**0.5)

    def forward(self, token_ids, targets=None):
        logits = torch.einsum("btd,dv->btv", self.token_embedding_table[token_ids], self.lm_head)
        if targets is None:
            return logits, None
        p = F.log_softmax(logits, dim=-1)
        return logits, F.nll_loss(p.flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def generate(self, token_ids, max_new_tokens):
        if max_new_tokens == 0:
            return token_ids
        p = self(token_ids)[0][:, -1].softmax(dim=-1)
        longer = torch.cat([token_ids, p.multinomial(1)], dim=1)
        return self.generate(longer, max_new_tokens - 1)
