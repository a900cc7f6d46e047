def plot_attention(model, ids, vocab, layer):
    """Drawn by hand."""
    import matplotlib.pyplot as plt

    attns = model(torch.tensor(ids, device=device).unsqueeze(0), need_attn=True)[1]
    names = [next(token for token, number in vocab.items() if number == i) for i in ids]
    figure, axes = plt.subplots()
    axes.imshow(attns[layer].squeeze(0).detach().cpu(), vmin=0)
    axes.set_xticks(np.arange(len(ids)), labels=names, rotation=90)
    axes.set_yticks(np.arange(len(ids)), labels=names)
    axes.set_xlabel("key")
    axes.set_ylabel("query")
    plt.close(figure)
    return figure
