class MultiHeadAttention(nn.Module):
    def __init__(self, context_window_size, num_heads, head_size, embed_size=384):
        super().__init__()

        def maps():
            sizes = [nn.Linear(embed_size, head_size, bias=False) for _ in range(num_heads)]
            return nn.ModuleList(sizes)

        self.queries, self.keys, self.values = maps(), maps(), maps()
        self.projection = nn.Linear(num_heads * head_size, embed_size)

    def forward(self, x):
        found = []
        for query, key, value in zip(self.queries, self.keys, self.values, strict=True):
            q, k, v = query(x), key(x), value(x)
            scores = torch.exp(q @ k.transpose(1, 2) / np.sqrt(q.shape[-1])).tril()
            found.append(scores / scores.sum(dim=-1, keepdim=True) @ v)
        return self.projection(torch.cat(found, dim=2))
