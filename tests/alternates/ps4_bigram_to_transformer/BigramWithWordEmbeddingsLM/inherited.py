class BigramWithWordEmbeddingsLM(BigramLanguageModel):
    def __init__(self, vocab_size, embed_size=32):
        super().__init__(vocab_size)
        self.token_embedding_table = nn.Embedding(vocab_size, embed_size)
        self.lm_head = nn.Linear(embed_size, vocab_size, bias=False)

    def forward(self, token_ids, targets=None):
        table = self.lm_head(self.token_embedding_table.weight)
        logits = table[token_ids]
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(end_dim=-2), targets.reshape(-1))
