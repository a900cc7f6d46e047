class Head(nn.Module):
    def __init__(self, head_size, context_window_size, embed_size=384):
        super().__init__()
        self.key = nn.Linear(embed_size, head_size, bias=False)
        self.query = nn.Linear(embed_size, head_size, bias=False)
        self.value = nn.Linear(embed_size, embed_size, bias=False)
        self.scale = 1 / np.sqrt(head_size)

    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        found = []
        for t in range(x.size(1)):
            scores = (k[:, : t + 1] * q[:, t : t + 1]).sum(-1) * self.scale
            found.append((scores.softmax(-1).unsqueeze(-1) * v[:, : t + 1]).sum(1))
        return torch.stack(found, dim=1)
