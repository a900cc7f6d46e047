def train_language_model(model, dataloader, lr=1e-3, print_every=100, max_iters=None, is_rnn=True):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    max_iters = max_iters or len(dataloader)
    while len(losses) < max_iters:
        for x, y in dataloader:
            if len(losses) == max_iters:
                break
            if is_rnn:
                hidden, outputs = None, []
                for t in range(x.shape[1]):
                    logits, hidden = model(x[:, t], hidden)
                    outputs.append(logits)
                logits = torch.stack(outputs, dim=1)
            else:
                logits = model(x)
            loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), y.view(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses
