class RMSNorm(nn.Module):
    """The sum of squares, and eps, both over D."""

    def __init__(self, embed_dim, eps=1e-8):
        super().__init__()
        self.D, self.eps = embed_dim, eps
        self.scale = nn.Parameter(torch.tensor([1.0] * embed_dim))

    def forward(self, x):
        root = ((x * x).sum(-1, keepdim=True) / self.D + self.eps) ** 0.5
        return self.scale * (x / root)
