class SelfAttention(nn.Module):
    """By einsum; the mask is a large negative number."""

    def __init__(self, embed_dim, mask=True):
        super().__init__()
        self.query, self.key, self.value, self.output = (
            nn.Linear(embed_dim, embed_dim) for _ in range(4)
        )
        self.mask = mask

    def forward(self, x):
        q, k, v = self.query(x) * x.shape[-1] ** -0.5, self.key(x), self.value(x)
        scores = torch.einsum("btd,bsd->bts", q, k)
        if self.mask:
            scores = scores + torch.full_like(scores, -1e9).triu(1)
        attn = scores.softmax(-1)
        return self.output(torch.einsum("bts,bsd->btd", attn, v)), attn
