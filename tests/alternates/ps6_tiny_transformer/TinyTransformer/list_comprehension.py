class TinyTransformer(nn.Module):
    """Blocks under other names, the parts made in another order."""

    def __init__(self, vocab_size, embed_dim, num_layers, ffnn_hidden, max_seq_len):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.head = nn.Linear(embed_dim, vocab_size, bias=False)
        self.norm = RMSNorm(embed_dim)
        layers = [TransformerBlock(embed_dim, ffnn_hidden) for _ in range(num_layers)]
        self.layers = nn.ModuleList(layers)
        self.positions = PositionalEmbedding(embed_dim, max_seq_len)
        self.embedding = nn.Embedding(vocab_size, embed_dim)

    def forward(self, idx, need_attn=False):
        x = self.embedding(idx)
        x = self.positions(x)
        looks = ()
        for layer in self.layers:
            x, look = layer(x)
            looks += (look,)
        logits = self.head(self.norm(x))
        if not need_attn:
            return logits
        return logits, looks
