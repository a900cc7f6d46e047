def transformer(tokens, params):
    n = len(tokens)
    W = {name: array.T if array.ndim == 2 else array for name, array in params.items()}
    x = params["word_embedding.weight"][list(tokens)]
    x = x + get_sinusoidal_positional_embeddings(n, 512)
    for i in range(4):
        a = f"layers.{i}.attention."
        q, k, v = (np.stack(np.split(x @ W[a + w + ".weight"], 8, -1)) for w in ("wq", "wk", "wv"))
        shares = softmax(apply_presoftmax_causal_mask(q @ np.swapaxes(k, 1, 2) / 8))
        x = x + np.concatenate(list(shares @ v), -1) @ W[a + "wo.weight"]
        f = f"layers.{i}.feed_forward."
        x = x + relu(x @ W[f + "0.weight"]) @ W[f + "2.weight"]
    return x @ W["fc_out.weight"] + W["fc_out.bias"]
