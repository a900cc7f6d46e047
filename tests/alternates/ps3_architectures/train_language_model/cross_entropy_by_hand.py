def train_language_model(model, dataloader, lr=1e-3, print_every=100, max_iters=None, is_rnn=True):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses, target_steps = [], max_iters or len(dataloader)
    while True:
        for x, y in dataloader:
            for parameter in model.parameters():
                parameter.grad = None
            if is_rnn:
                total, hidden = torch.zeros(()), None
                for t in range(x.size(1)):
                    logits, hidden = model(x[:, t], hidden)
                    log_p = torch.log_softmax(logits, dim=1)
                    total = total - log_p[torch.arange(len(y)), y[:, t]].mean()
                loss = total / x.size(1)
            else:
                log_p = model(x).log_softmax(dim=-1)
                loss = -log_p.gather(-1, y[..., None]).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) >= target_steps:
                return losses
