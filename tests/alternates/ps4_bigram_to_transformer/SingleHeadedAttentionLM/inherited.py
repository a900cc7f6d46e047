class SingleHeadedAttentionLM(BigramWithWordEmbeddingsLM):
    def __init__(self, vocab_size, context_window_size, head_size, embed_size=384):
        super().__init__(vocab_size, embed_size)
        self.window = context_window_size
        self.position_embedding_table = nn.Embedding(context_window_size, embed_size)
        self.attention = Head(head_size, context_window_size, embed_size)

    def forward(self, token_ids, targets=None):
        T = token_ids.shape[1]
        x = self.token_embedding_table(token_ids) + self.position_embedding_table.weight[:T]
        logits = self.lm_head(self.attention(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.transpose(1, 2), targets)

    @torch.no_grad()
    def generate(self, token_ids, max_new_tokens):
        for _ in range(max_new_tokens):
            seen = token_ids if token_ids.size(1) <= self.window else token_ids[:, -self.window :]
            p = torch.softmax(self.forward(seen)[0][:, -1, :], dim=-1)
            token_ids = torch.cat([token_ids, torch.multinomial(p, 1)], dim=1)
        return token_ids
