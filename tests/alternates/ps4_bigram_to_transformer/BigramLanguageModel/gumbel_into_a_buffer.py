class BigramLanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, vocab_size)

    def forward(self, token_ids, targets=None):
        logits = self.token_embedding_table(token_ids)
        loss = None
        if targets is not None:
            loss = nn.functional.cross_entropy(logits.transpose(1, 2), targets)
        return logits, loss

    @torch.inference_mode()
    def generate(self, token_ids, max_new_tokens):
        B, T = token_ids.shape
        text = token_ids.new_empty(B, T + max_new_tokens)
        text[:, :T] = token_ids
        for t in range(T, T + max_new_tokens):
            logits = self(text[:, t - 1 : t])[0][:, 0]
            gumbel = -torch.log(torch.empty_like(logits).exponential_())
            text[:, t] = (logits + gumbel).argmax(dim=-1)
        return text
