class SimpleRNN(nn.Module):
    def __init__(self, vocab_size, embed_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.W_ih = nn.Linear(embed_size, hidden_size, bias=False)
        self.W_hh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.fc = nn.Linear(hidden_size, vocab_size, bias=False)

    def forward(self, x_token, hidden=None):
        e = self.embedding(x_token)
        if hidden is None:
            hidden = e.new_zeros(x_token.shape[0], self.hidden_size)
        both = torch.cat([e, hidden], dim=1)
        hidden = (both @ torch.cat([self.W_ih.weight, self.W_hh.weight], dim=1).T).tanh()
        return hidden @ self.fc.weight.T, hidden

    @torch.inference_mode()
    def generate_text(self, dataset, length=100, start="O"):
        state, letters = None, list(start)
        tokens = [dataset.stoi[letter] for letter in start]
        while len(letters) < len(start) + length:
            for token in tokens:
                logits, state = self(torch.tensor([token]), state)
            tokens = [torch.distributions.Categorical(logits=logits[0]).sample().item()]
            letters.append(dataset.itos[tokens[0]])
        return "".join(letters)
