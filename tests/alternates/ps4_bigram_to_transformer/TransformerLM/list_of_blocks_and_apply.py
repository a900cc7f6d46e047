class TransformerLM(nn.Module):
    def __init__(self, vocab_size, context_window_size, embed_size=384, num_heads=6, n_layers=6):
        super().__init__()
        self.window = context_window_size
        self.token_embedding_table = nn.Embedding(vocab_size, embed_size)
        self.position_embedding_table = nn.Embedding(context_window_size, embed_size)
        self.layers = nn.ModuleList()
        for _ in range(n_layers):
            self.layers.append(
                TransformerBlock(vocab_size, context_window_size, embed_size, num_heads)
            )
        self.ln_f = nn.LayerNorm(embed_size)
        self.lm_head = nn.Linear(embed_size, vocab_size, bias=False)
        self.register_buffer("places", torch.arange(context_window_size))
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            module.weight.data.normal_(0.0, 0.02)

    def forward(self, token_ids, targets=None):
        x = self.token_embedding_table(token_ids)
        x = x + self.position_embedding_table(self.places[: token_ids.shape[1]])
        for layer in self.layers:
            x = layer(x)
        logits = self.lm_head(self.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.transpose(1, 2), targets)

    @torch.no_grad()
    def generate(self, token_ids, max_new_tokens):
        mode = self.training
        self.eval()
        for _ in range(max_new_tokens):
            p = self(token_ids[:, -self.window :])[0][:, -1].softmax(-1)
            token_ids = torch.cat([token_ids, torch.multinomial(p, 1)], -1)
        self.train(mode)
        return token_ids
