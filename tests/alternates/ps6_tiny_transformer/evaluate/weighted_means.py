def evaluate(model, dataloader):
    """Means of batches, each weighted by its tokens."""
    was = model.training
    model.eval()
    pairs = []
    with torch.inference_mode():
        for x, y in dataloader:
            logits = model(x.to(device))
            pairs.append((F.cross_entropy(logits.mT, y.to(device)).item(), y.numel()))
    if was:
        model.train()
    loss = sum(mean * n for mean, n in pairs) / sum(n for _, n in pairs)
    return loss, float(torch.tensor(loss, dtype=torch.float64).exp())
