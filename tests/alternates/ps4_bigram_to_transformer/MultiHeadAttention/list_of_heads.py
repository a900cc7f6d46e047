class MultiHeadAttention(nn.Module):
    def __init__(self, context_window_size, num_heads, head_size, embed_size=384):
        super().__init__()
        self.heads = nn.ModuleList(
            [Head(head_size, context_window_size, embed_size) for _ in range(num_heads)]
        )
        self.proj = nn.Linear(num_heads * embed_size, embed_size)

    def forward(self, x):
        return self.proj(torch.cat([head(x) for head in self.heads], dim=-1))
