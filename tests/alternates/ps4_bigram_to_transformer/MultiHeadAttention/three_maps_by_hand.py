class MultiHeadAttention(nn.Module):
    def __init__(self, context_window_size, num_heads, head_size, embed_size=384):
        super().__init__()
        self.n, self.h = num_heads, head_size
        self.q = nn.Linear(embed_size, num_heads * head_size, bias=False)
        self.k = nn.Linear(embed_size, num_heads * head_size, bias=False)
        self.v = nn.Linear(embed_size, num_heads * head_size, bias=False)
        self.o = nn.Linear(num_heads * head_size, embed_size, bias=False)
        size = (context_window_size, context_window_size)
        self.register_buffer("past", torch.tril(torch.ones(size)))

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = (
            m(x).view(B, T, self.n, self.h).transpose(1, 2) for m in (self.q, self.k, self.v)
        )
        scores = q @ k.transpose(-2, -1) / self.h**0.5
        scores = scores.masked_fill(self.past[:T, :T] == 0, -1e9)
        found = scores.softmax(dim=-1) @ v
        return self.o(found.transpose(1, 2).contiguous().view(B, T, self.n * self.h))
