class CausalLanguageModel(nn.Module):
    def __init__(self, vocab_size, width=128, heads=4, layers=4, hidden=512, window=128):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(window, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * layers + 1))
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(width, heads, batch_first=True) for _ in range(layers)
        )
        self.networks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
            for _ in range(layers)
        )
        self.projection = nn.Linear(width, vocab_size)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, mean=0.0, std=0.02)

    def forward(self, x):
        T = x.shape[1]
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        norms = iter(self.norms)
        x = self.token_embedding(x) + self.position_embedding.weight[None, :T]
        for attention, network in zip(self.attentions, self.networks, strict=True):
            read = next(norms)(x)
            x = x + attention(read, read, read, attn_mask=future, need_weights=False)[0]
            x = x + network(next(norms)(x))
        return self.projection(next(norms)(x))
