class CausalLanguageModel(nn.Module):
    def __init__(self, vocab_size, width=128, heads=4, layers=4, hidden=512, window=128):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(window, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, hidden, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.projection = nn.Linear(width, vocab_size, bias=False)
        with torch.no_grad():
            self.token_embedding.weight.mul_(0.02)
            self.position_embedding.weight.mul_(0.02)

    def forward(self, x):
        T = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(T, device=x.device)
        stream = self.token_embedding(x) + self.position_embedding.weight[:T]
        return self.projection(self.decoder(stream, mask=mask.to(stream.dtype), is_causal=True))
