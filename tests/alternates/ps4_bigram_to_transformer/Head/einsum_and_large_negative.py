class Head(nn.Module):
    def __init__(self, head_size, context_window_size, embed_size=384):
        super().__init__()
        self.head_size = head_size
        self.key = nn.Linear(embed_size, head_size, bias=False)
        self.query = nn.Linear(embed_size, head_size, bias=False)
        self.value = nn.Linear(embed_size, embed_size, bias=False)

    def forward(self, x):
        T = x.shape[1]
        future = torch.triu(torch.ones(T, T, device=x.device), diagonal=1)
        q = self.query(x) * self.head_size**-0.5
        scores = torch.einsum("bth,bsh->bts", q, self.key(x)) - 1e9 * future
        weights = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        return torch.einsum("bts,bsd->btd", weights, self.value(x))
