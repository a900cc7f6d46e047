class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        D = config.n_embd
        self.n, self.size = config.n_head, D // config.n_head
        self.query, self.key, self.value, self.out = (nn.Linear(D, D, bias=False) for _ in range(4))

    def forward(self, x):
        B, T, D = x.shape

        def heads(found):
            return found.view(B, T, self.n, self.size).transpose(1, 2)

        found = causal_attention(heads(self.query(x)), heads(self.key(x)), heads(self.value(x)))
        return self.out(found.transpose(1, 2).contiguous().view(B, T, D))
