class BigramLanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.vocab_size = vocab_size
        self.token_embedding_table = nn.Embedding(vocab_size, vocab_size)

    def forward(self, token_ids, targets=None):
        table = self.token_embedding_table.weight
        logits = F.one_hot(token_ids, self.vocab_size).to(table.dtype) @ table
        if targets is None:
            return (logits, None)
        B, T, V = logits.shape
        return (logits, F.cross_entropy(logits.reshape(B * T, V), targets.reshape(B * T)))

    def generate(self, token_ids, max_new_tokens):
        was_training = self.training
        self.eval()
        with torch.no_grad():
            for _ in range(max_new_tokens):
                p = self(token_ids)[0][:, -1, :].softmax(-1)
                drawn = (p.cumsum(-1) < torch.rand(len(p), 1)).sum(-1, keepdim=True)
                drawn = drawn.clamp(max=self.vocab_size - 1)
                token_ids = torch.cat((token_ids, drawn), dim=-1)
        self.train(was_training)
        return token_ids
