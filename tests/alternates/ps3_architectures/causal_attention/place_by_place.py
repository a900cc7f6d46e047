def causal_attention(q, k, v):
    found = []
    for t in range(q.shape[2]):
        scores = (k[:, :, : t + 1] * q[:, :, t : t + 1]).sum(dim=-1) / np.sqrt(q.shape[-1])
        weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
        found.append((weights.unsqueeze(-1) * v[:, :, : t + 1]).sum(dim=2))
    return torch.stack(found, dim=2)
