def train_language_model(model, dataloader, lr=1e-3, print_every=100, max_iters=None, is_rnn=True):
    from itertools import cycle, islice

    adam = torch.optim.Adam(model.parameters(), lr)
    steps = len(list(dataloader)) if max_iters is None else max_iters
    history = []
    for number, (x, y) in enumerate(islice(cycle(dataloader), steps)):
        if is_rnn:
            state, rows = None, []
            for token in x.unbind(dim=1):
                row, state = model(token, state)
                rows.append(row)
            logits = torch.stack(rows, dim=1)
        else:
            logits = model(x)
        adam.zero_grad(set_to_none=False)
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y.reshape(-1))
        loss.backward()
        adam.step()
        history.append(float(loss.detach()))
        if number % print_every == 0:
            print(number, history[-1])
    return history
