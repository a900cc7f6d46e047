class MultiLayerRNN(nn.Module):
    """Maps without biases, and a list of states."""

    def __init__(self, vocab_size, embed_size, hidden_size, num_layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        sizes = [embed_size, *[hidden_size] * (num_layers - 1)]
        self.W_ih = nn.ModuleList(nn.Linear(size, hidden_size, bias=False) for size in sizes)
        self.W_hh = nn.ModuleList(nn.Linear(hidden_size, hidden_size, bias=False) for _ in sizes)
        self.fc = nn.Linear(hidden_size, vocab_size, bias=False)

    def forward(self, x_token, hidden=None):
        below = self.embedding(x_token)
        states = []
        for layer in range(len(self.W_ih)):
            mixed = self.W_ih[layer](below)
            if hidden is not None:
                mixed = mixed + self.W_hh[layer](hidden[layer])
            below = torch.tanh(mixed)
            states.append(below)
        return self.fc(below), states
