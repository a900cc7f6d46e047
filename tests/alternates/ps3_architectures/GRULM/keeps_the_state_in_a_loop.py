class GRULM(nn.Module):
    def __init__(self, vocab_size, embed_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.cell = GRUCell(input_size=embed_size, hidden_size=hidden_size)
        self.fc = nn.Linear(hidden_size, vocab_size, bias=False)

    def forward(self, x_token, hidden=None):
        e = self.embedding(x_token)
        if hidden is None:
            hidden = e.new_zeros(len(e), self.fc.in_features)
        hidden = self.cell(e, hidden)[0]
        return self.fc(hidden), hidden

    @torch.no_grad()
    def generate_text(self, dataset, length=100, start="O"):
        text, hidden = start, None
        for letter in start:
            logits, hidden = self(torch.tensor([dataset.stoi[letter]]), hidden)
        while len(text) < len(start) + length:
            p = torch.exp(logits - logits.logsumexp(dim=-1, keepdim=True))
            token = p.multinomial(1).flatten()
            text = text + dataset.itos[int(token)]
            logits, hidden = self(token, hidden)
        return text
