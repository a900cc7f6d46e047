class PositionalEmbedding(nn.Module):
    """Columns by their parity; speeds through a logarithm."""

    def __init__(self, embed_dim, max_seq_len, base=10000.0):
        super().__init__()
        place = torch.arange(max_seq_len, dtype=torch.float32).unsqueeze(1)
        speed = torch.exp(torch.arange(0, embed_dim, 2) * (-np.log(base) / embed_dim))
        table = torch.zeros(max_seq_len, embed_dim)
        table[:, 0::2] = torch.sin(place * speed)
        table[:, 1::2] = torch.cos(place * speed)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x):
        return x + self.table[None, : x.size(-2)]
