class MultiHeadAttention(nn.Module):
    def __init__(self, context_window_size, num_heads, head_size, embed_size=384):
        super().__init__()
        self.num_heads = num_heads
        self.head_size = head_size
        self.qkv = nn.Linear(embed_size, num_heads * 3 * head_size, bias=False)
        self.out = nn.Linear(num_heads * head_size, embed_size)

    def forward(self, x):
        B, T = x.shape[:2]
        heads = self.qkv(x).view(B, T, self.num_heads, 3 * self.head_size)
        q, k, v = heads.permute(0, 2, 1, 3).split(self.head_size, dim=-1)
        past = torch.tril(torch.ones(T, T, dtype=torch.bool, device=x.device))
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=past)
        return self.out(found.permute(0, 2, 1, 3).reshape(B, T, -1))
