def causal_attention(q, k, v):
    T = q.size(2)
    scores = torch.einsum("bnth,bnsh->bnts", q, k) * q.size(-1) ** -0.5
    future = torch.ones(T, T, device=q.device, dtype=q.dtype).triu(1)
    weights = torch.softmax(scores - 1e9 * future, dim=3)
    return torch.einsum("bnts,bnsh->bnth", weights, v)
