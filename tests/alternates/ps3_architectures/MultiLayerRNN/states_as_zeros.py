class MultiLayerRNN(nn.Module):
    def __init__(self, vocab_size, embed_size, hidden_size, num_layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.W_ih, self.W_hh = nn.ModuleList(), nn.ModuleList()
        for layer in range(num_layers):
            self.W_ih.append(nn.Linear(embed_size if layer == 0 else hidden_size, hidden_size))
            self.W_hh.append(nn.Linear(hidden_size, hidden_size, bias=False))
        self.fc = nn.Linear(hidden_size, vocab_size)
        self.shape = num_layers, hidden_size

    def forward(self, x_token, hidden=None):
        layers, size = self.shape
        if hidden is None:
            hidden = torch.zeros(layers, len(x_token), size)
        x, new = self.embedding(x_token), torch.empty_like(hidden)
        for layer in range(layers):
            x = torch.tanh(self.W_ih[layer](x) + self.W_hh[layer](hidden[layer]))
            new[layer] = x
        return self.fc(x), new
