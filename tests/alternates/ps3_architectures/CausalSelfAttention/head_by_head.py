class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        J = config.n_embd // config.n_head
        self.heads = nn.ModuleList(
            nn.ModuleList(nn.Linear(config.n_embd, J, bias=False) for _ in range(3))
            for _ in range(config.n_head)
        )
        self.projection = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def forward(self, x):
        q, k, v = (torch.stack([head[part](x) for head in self.heads], dim=1) for part in range(3))
        found = causal_attention(q, k, v)  # (B, n, T, J)
        return self.projection(torch.cat(list(found.unbind(dim=1)), dim=-1))
