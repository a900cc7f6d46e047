@torch.no_grad()
def predict(model, x, timesteps):
    begun = x.size(1)
    for _ in range(timesteps - 1):
        x = torch.hstack([x, model(x)[:, -1].max(dim=-1).indices[:, None]])
    return model(x)[:, begun - 1 :]
