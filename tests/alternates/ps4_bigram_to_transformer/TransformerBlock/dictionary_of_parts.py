class TransformerBlock(nn.Module):
    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6):
        super().__init__()
        self.parts = nn.ModuleDict(
            {
                "look": MultiHeadAttention(
                    context_window_size, num_heads, embed_size // num_heads, embed_size
                ),
                "think": FeedForward(embed_size),
            }
        )
        self.norms = nn.ModuleList(nn.LayerNorm(embed_size) for _ in range(2))

    def forward(self, x):
        for norm, part in zip(self.norms, self.parts.values(), strict=True):
            x = x + part(norm(x))
        return x
