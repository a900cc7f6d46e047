def causal_attention(q, k, v):
    scores = torch.matmul(q, k.mT).div(q.shape[-1] ** 0.5)
    weights = nn.Softmax(dim=-1)(scores).tril()
    return torch.matmul(weights / weights.sum(-1, keepdim=True), v)
