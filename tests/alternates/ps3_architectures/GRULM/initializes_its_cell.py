class GRULM(nn.Module):
    def __init__(self, vocab_size, embed_size, hidden_size):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, embed_size))
        self.cell = GRUCell(embed_size, hidden_size)
        self.fc = nn.Linear(hidden_size, vocab_size)
        for layer in (self.cell.U_r, self.cell.U_z, self.cell.U_n):
            nn.init.orthogonal_(layer.weight)

    def forward(self, x_token, hidden=None):
        if hidden is None:
            hidden = torch.zeros(len(x_token), self.fc.in_features)
        hidden, *_ = self.cell(self.embedding[x_token], hidden)
        return self.fc(hidden), hidden

    @torch.no_grad()
    def generate_text(self, dataset, length=100, start="O"):
        hidden = None
        tokens = [dataset.stoi[character] for character in start]
        for token in tokens:
            logits, hidden = self(torch.tensor([token]), hidden)
        for _ in range(length):
            tokens.append(torch.multinomial(logits.softmax(dim=1), 1).item())
            logits, hidden = self(torch.tensor([tokens[-1]]), hidden)
        return "".join(dataset.itos[token] for token in tokens)
