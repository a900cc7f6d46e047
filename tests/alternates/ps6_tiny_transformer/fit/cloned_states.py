def fit(model, train_loader, val_loader, epochs, lr):
    """Snapshots are clones on the processor; clipping by hand."""
    optimizer = torch.optim.AdamW(
        params=list(model.parameters()), lr=lr, weight_decay=5e-2, betas=(0.9, 0.98)
    )

    def snapshot():
        return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}

    history, snapshots = {"train": [], "val": []}, [snapshot()]
    for _ in range(epochs):
        model.train()
        losses = []
        for x, y in train_loader:
            x, y = x.to(device), y.to(device)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(x).transpose(1, 2), y)
            loss.backward()
            grads = [p.grad for p in model.parameters() if p.grad is not None]
            norm = torch.stack([g.norm() for g in grads]).norm()
            if norm > 1:
                for grad in grads:
                    grad /= norm
            optimizer.step()
            losses.append(float(loss.detach()))
        history["train"].append(np.mean(losses))
        history["val"].append(evaluate(model, val_loader)[0])
        snapshots.append(snapshot())
    return history, snapshots
