class Transformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        self.layers = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = self.token_embedding.weight
        self.apply(self.begin)

    def begin(self, part):
        if isinstance(part, (nn.Linear, nn.Embedding)):
            torch.nn.init.normal_(part.weight, 0.0, 0.02)
            if getattr(part, "bias", None) is not None:
                torch.nn.init.zeros_(part.bias)

    def forward(self, tokens):
        x = self.token_embedding(tokens) + self.position_embedding.weight[: tokens.size(1)]
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.ln_f(x))

    @torch.no_grad()
    def generate_text(self, dataset, length=100, start="O"):
        tokens = torch.tensor([[dataset.stoi[letter] for letter in start]])
        for _ in range(length):
            logits = self(tokens[:, -self.config.block_size :])[:, -1]
            tokens = torch.cat([tokens, torch.multinomial(logits.softmax(-1), 1)], dim=1)
        return "".join(dataset.itos[token] for token in tokens[0].tolist())
