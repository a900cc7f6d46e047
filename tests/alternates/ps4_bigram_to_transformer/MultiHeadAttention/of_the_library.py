class MultiHeadAttention(nn.Module):
    """The library's own: its heads have the size D / n, as those of the models here."""

    def __init__(self, context_window_size, num_heads, head_size, embed_size=384):
        super().__init__()
        self.attention = nn.MultiheadAttention(embed_size, num_heads, bias=False, batch_first=True)

    def forward(self, x):
        T = x.shape[1]
        hidden = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        return self.attention(x, x, x, attn_mask=hidden, need_weights=False)[0]
