def causal_attention(q, k, v):
    scores = torch.matmul(q, k.mT).div(q.shape[-1] ** 0.5)
    weights = (scores - scores.amax(dim=-1, keepdim=True)).exp().tril()
    return torch.matmul(weights / weights.sum(-1, keepdim=True), v)
