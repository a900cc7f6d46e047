class TransformerLM(nn.Module):
    """It reaches into its blocks, as GPT-2's initialization does, and its tables are parameters."""

    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6, n_layers=6):
        super().__init__()
        self.window = context_window_size
        self.token_embedding_table = nn.Parameter(torch.randn(vocab_size, embed_size) * 0.02)
        self.position_embedding_table = nn.Parameter(
            torch.randn(context_window_size, embed_size) * 0.02
        )
        self.blocks = nn.ModuleList(
            TransformerBlock(vocab_size, context_window_size, embed_size, num_heads)
            for _ in range(n_layers)
        )
        self.ln_f = nn.LayerNorm(embed_size)
        self.lm_head = nn.Linear(embed_size, vocab_size)
        linear = [self.lm_head]
        for block in self.blocks:
            linear += [block.attention.query_key_value, block.attention.projection]
            linear += [block.feed_forward.net[0], block.feed_forward.net[2]]
        for part in linear:
            nn.init.normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)

    def forward(self, token_ids, targets=None):
        T = token_ids.shape[1]
        x = self.token_embedding_table[token_ids] + self.position_embedding_table[:T]
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.transpose(1, 2), targets)

    @torch.no_grad()
    def generate(self, token_ids, max_new_tokens):
        for _ in range(max_new_tokens):
            logits, _ = self(token_ids[:, -self.window :])
            drawn = torch.multinomial(logits[:, -1].softmax(dim=-1), 1)
            token_ids = torch.cat([token_ids, drawn], dim=1)
        return token_ids
