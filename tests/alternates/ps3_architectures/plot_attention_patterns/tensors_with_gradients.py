def plot_attention_patterns(model, text, dataset):
    caught = []
    own = F.softmax

    def catching(*given, **named):
        found = own(*given, **named)
        caught.append(found)
        return found

    F.softmax = catching
    try:
        model(torch.tensor([[dataset.stoi[letter] for letter in text]]))
    finally:
        F.softmax = own
    maps = caught[0][0]  # (n, T, T)
    plots.attention_maps(maps.detach().numpy(), text)
    return maps
