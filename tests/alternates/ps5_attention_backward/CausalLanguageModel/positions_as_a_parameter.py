class Layer(nn.Module):
    """PyTorch's layer, with its mask made for the longest input."""

    def __init__(self, width, heads, hidden, window):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            width, heads, hidden, dropout=0.0, activation="relu", batch_first=True, norm_first=True
        )
        self.register_buffer("future", torch.ones(window, window, dtype=torch.bool).triu(1))

    def forward(self, x):
        return self.layer(x, src_mask=self.future[: x.shape[1], : x.shape[1]])


class CausalLanguageModel(nn.Module):
    def __init__(self, vocab_size, width=128, heads=4, layers=4, hidden=512, window=128):
        super().__init__()
        self.token_embedding = nn.Embedding.from_pretrained(
            0.02 * torch.randn(vocab_size, width), freeze=False
        )
        self.position_embedding = nn.Parameter(0.02 * torch.randn(window, width))
        self.layers = nn.ModuleList(Layer(width, heads, hidden, window) for _ in range(layers))
        self.norm, self.projection = nn.LayerNorm(width), nn.Linear(width, vocab_size)

    def forward(self, x):
        stream = self.token_embedding(x) + self.position_embedding[: x.size(1)]
        for layer in self.layers:
            stream = layer(stream)
        return self.projection(self.norm(stream))
