class Transformer(nn.Module):
    """It reaches into its blocks, as GPT-2's initialization does."""

    def __init__(self, config):
        super().__init__()
        self.block_size = config.block_size
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.02)
        for block in self.blocks:
            nn.init.normal_(block.attention.qkv.weight, std=0.02)
            nn.init.normal_(block.attention.projection.weight, std=0.02)
            for layer in (block.mlp.net[0], block.mlp.net[2]):
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, tokens):
        x = self.token_embedding(tokens) + self.position_embedding.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.ln_f(x) @ self.token_embedding.weight.T

    def generate_text(self, dataset, length=100, start="O"):
        tokens = [dataset.stoi[character] for character in start]
        with torch.no_grad():
            for _ in range(length):
                logits = self(torch.tensor([tokens[-self.block_size :]]))[0, -1]
                tokens.append(torch.multinomial(logits.softmax(dim=0), 1).item())
        return "".join(dataset.itos[token] for token in tokens)
