class Head(nn.Module):
    def __init__(self, head_size, context_window_size, embed_size=384):
        super().__init__()
        self.key = nn.Linear(embed_size, head_size, bias=False)
        self.query = nn.Linear(embed_size, head_size, bias=False)
        self.value = nn.Linear(embed_size, embed_size, bias=False)
        hidden = torch.full((context_window_size, context_window_size), float("-inf"))
        self.register_buffer("mask", hidden.triu(diagonal=1), persistent=False)

    def forward(self, x):
        T = x.shape[-2]
        scores = torch.bmm(self.query(x), self.key(x).mT) / self.key.out_features**0.5
        return torch.bmm(torch.softmax(scores + self.mask[:T, :T], dim=2), self.value(x))
