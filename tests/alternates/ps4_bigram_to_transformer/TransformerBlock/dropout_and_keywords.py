class TransformerBlock(nn.Module):
    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6):
        super().__init__()
        head = embed_size // num_heads
        self.sa = MultiHeadAttention(
            context_window_size, num_heads, head_size=head, embed_size=embed_size
        )
        self.ffwd = FeedForward(embed_size=embed_size)
        self.ln1, self.ln2 = nn.LayerNorm(embed_size), nn.LayerNorm(embed_size)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x):
        after = torch.add(x, self.dropout(self.sa(self.ln1(x))))
        return torch.add(after, self.dropout(self.ffwd(self.ln2(after))))
