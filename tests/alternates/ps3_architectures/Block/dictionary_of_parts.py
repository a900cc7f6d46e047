class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.parts = nn.ModuleList([CausalSelfAttention(config), MLP(config)])
        self.norms = nn.ModuleList([nn.LayerNorm(config.n_embd) for _ in range(2)])

    def forward(self, x):
        for part, norm in zip(self.parts, self.norms, strict=True):
            x = torch.add(x, part(norm(x)))
        return x
