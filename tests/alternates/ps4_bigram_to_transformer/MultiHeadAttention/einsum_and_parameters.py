class MultiHeadAttention(nn.Module):
    def __init__(self, context_window_size, num_heads, head_size, embed_size=384):
        super().__init__()
        maps = torch.randn(3, num_heads, embed_size, head_size) / embed_size**0.5
        self.maps = nn.Parameter(maps)
        back = torch.randn(num_heads, head_size, embed_size) / (num_heads * head_size) ** 0.5
        self.back = nn.Parameter(back)

    def forward(self, x):
        q, k, v = torch.einsum("btd,mndh->mbnth", x, self.maps)
        scores = torch.einsum("bnth,bnsh->bnts", q, k) * q.shape[-1] ** -0.5
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        weights = torch.where(future, float("-inf"), scores).softmax(dim=-1)
        return torch.einsum("bnts,bnsh,nhd->btd", weights, v, self.back)
