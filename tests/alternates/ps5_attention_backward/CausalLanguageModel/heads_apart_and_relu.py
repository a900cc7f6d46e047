class Head(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.query = nn.Linear(width, size, bias=False)
        self.key = nn.Linear(width, size, bias=False)
        self.value = nn.Linear(width, size, bias=False)

    def forward(self, x):
        scores = self.query(x) @ self.key(x).mT / self.key.out_features**0.5
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(future, -torch.inf).softmax(-1) @ self.value(x)


class Layer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.before_heads, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads = nn.ModuleList(Head(width, width // heads) for _ in range(heads))
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        normalised = self.before_heads(x)
        x = x + self.out(torch.cat([head(normalised) for head in self.heads], dim=-1))
        return x + self.down(F.relu(self.up(self.before_mlp(x))))


class CausalLanguageModel(nn.Module):
    def __init__(self, vocab_size, width=128, heads=4, layers=4, hidden=512, window=128):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(window, width)
        self.stack = nn.Sequential(*[Layer(width, heads, hidden) for _ in range(layers)])
        self.last = nn.LayerNorm(width)
        self.projection = nn.Linear(width, vocab_size)
        for part in self.modules():  # all maps, as in GPT-2
            if isinstance(part, nn.Linear | nn.Embedding):
                torch.nn.init.normal_(part.weight, 0.0, 0.02)

    def forward(self, x):
        where = torch.arange(x.size(1), device=x.device).expand_as(x)
        return self.projection(
            self.last(self.stack(self.token_embedding(x) + self.position_embedding(where)))
        )
