def plot_attention_patterns(model, text, dataset):
    seen = []

    def watch(part, given, found):
        normalised = given[0]
        seen.append((part, normalised))

    layer = next(part for part in model.modules() if isinstance(part, CausalSelfAttention))
    hook = layer.register_forward_hook(watch)
    with torch.no_grad():
        model(torch.tensor([[dataset.stoi[letter] for letter in text]]))
        hook.remove()
        part, x = seen[0]
        q, k, _ = part.qkv(x).unflatten(-1, (3, part.n_head, -1)).permute(2, 0, 3, 1, 4)
        T = len(text)
        identity = torch.eye(T).expand(1, part.n_head, T, T)
        maps = causal_attention(q, k, identity)[0].numpy()
    plots.attention_maps(maps, text)
    return list(maps)
