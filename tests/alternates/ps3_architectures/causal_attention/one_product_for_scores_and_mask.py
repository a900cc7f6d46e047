def causal_attention(q, k, v):
    B, n, T, J = q.shape
    mask = torch.full((T, T), -torch.inf, dtype=q.dtype, device=q.device).triu(diagonal=1)
    queries, keys, values = (heads.reshape(B * n, T, J) for heads in (q, k, v))
    scores = torch.baddbmm(mask.expand(B * n, T, T), queries, keys.mT, alpha=J**-0.5)
    return torch.bmm(scores.softmax(dim=2), values).reshape(B, n, T, J)
