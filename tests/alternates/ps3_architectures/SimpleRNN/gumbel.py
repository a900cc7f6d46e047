class SimpleRNN(nn.Module):
    def __init__(self, vocab_size, embed_size, hidden_size):
        super().__init__()
        self.H = hidden_size
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.W_ih = nn.Linear(embed_size, hidden_size)
        self.W_hh = nn.Linear(hidden_size, hidden_size)
        self.fc = nn.Linear(hidden_size, vocab_size)

    def forward(self, x_token, hidden=None):
        hidden = torch.zeros(len(x_token), self.H) if hidden is None else hidden
        mixed = self.W_ih(self.embedding(x_token)).add(self.W_hh(hidden))
        hidden = 2 * torch.sigmoid(2 * mixed) - 1
        return self.fc(hidden), hidden

    def generate_text(self, dataset, length=100, start="O"):
        found, written = (None, None), ""
        with torch.no_grad():
            for place in range(len(start) + length):
                if place < len(start):
                    letter = start[place]
                else:
                    noise = -torch.empty_like(found[0]).exponential_().log()
                    letter = dataset.itos[int((found[0] + noise).argmax())]
                written += letter
                found = self.forward(torch.tensor([dataset.stoi[letter]]), found[1])
        return written
