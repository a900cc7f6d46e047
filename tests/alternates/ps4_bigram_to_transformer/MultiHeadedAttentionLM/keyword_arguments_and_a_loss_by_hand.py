class MultiHeadedAttentionLM(nn.Module):
    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6):
        super().__init__()
        self.context_window_size = context_window_size
        self.token_embedding_table = nn.Embedding(vocab_size, embed_size)
        self.position_embedding_table = nn.Embedding(context_window_size, embed_size)
        self.layers = nn.Sequential(
            MultiHeadAttention(
                context_window_size=context_window_size,
                num_heads=num_heads,
                head_size=embed_size // num_heads,
                embed_size=embed_size,
            )
        )
        self.lm_head = nn.Linear(embed_size, vocab_size, bias=False)

    def forward(self, token_ids, targets=None):
        place = torch.arange(token_ids.shape[1]).to(token_ids.device).expand_as(token_ids)
        x = self.token_embedding_table(token_ids) + self.position_embedding_table(place)
        logits = self.lm_head(self.layers(x))
        if targets is None:
            return logits, None
        p = logits.softmax(dim=-1).gather(-1, targets.unsqueeze(-1))
        return logits, p.log().neg().mean()

    @torch.no_grad()
    def generate(self, token_ids, max_new_tokens):
        for _ in range(max_new_tokens):
            logits, _ = self(token_ids[:, -self.context_window_size :])
            drawn = torch.multinomial(logits[:, -1].softmax(dim=1), 1)
            token_ids = torch.column_stack([token_ids, drawn])
        return token_ids
