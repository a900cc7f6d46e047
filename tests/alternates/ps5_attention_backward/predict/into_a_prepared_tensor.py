@torch.no_grad()
def predict(model, x, timesteps):
    B, T = x.shape
    tokens = torch.zeros(B, T + timesteps, dtype=x.dtype, device=x.device)
    tokens[:, :T] = x
    found = []
    for t in range(T, T + timesteps):
        found.append(model(tokens[:, :t])[:, t - 1, :])
        tokens[:, t] = torch.argmax(found[-1], dim=1)
    return torch.cat([scores[:, None] for scores in found], dim=1)
