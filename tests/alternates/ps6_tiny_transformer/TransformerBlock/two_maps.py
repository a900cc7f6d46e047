class TransformerBlock(nn.Module):
    """The maps of the feed-forward network one by one."""

    def __init__(self, embed_dim, ffnn_hidden):
        super().__init__()
        self.norms = nn.ModuleList([RMSNorm(embed_dim), RMSNorm(embed_dim)])
        self.look = SelfAttention(embed_dim, mask=True)
        self.up = nn.Linear(embed_dim, ffnn_hidden)
        self.down = nn.Linear(ffnn_hidden, embed_dim)

    def forward(self, x):
        out, probabilities = self.look(self.norms[0](x))
        middle = x + out
        return middle + self.down(F.gelu(self.up(self.norms[1](middle)))), probabilities
