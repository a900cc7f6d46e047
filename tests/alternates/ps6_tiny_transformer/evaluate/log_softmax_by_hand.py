@torch.no_grad()
def evaluate(model, dataloader):
    """All tokens' losses in one tensor, and their mean."""
    mode, losses = model.training, []
    model.train(False)
    for x, y in dataloader:
        logs = model(x.to(device)).log_softmax(-1)
        losses.append(-logs.gather(-1, y.to(device)[..., None]).flatten())
    model.train(mode)
    loss = torch.cat(losses).mean()
    return loss.item(), loss.exp().item()
