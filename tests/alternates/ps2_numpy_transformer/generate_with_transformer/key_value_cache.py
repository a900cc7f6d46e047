def generate_with_transformer(prefix_text, params, max_len=128, greedy=False, temperature=0.9):
    """Keeps keys and values, so that each new token is one row; does not call transformer."""
    tokens = enc.encode(prefix_text)
    if len(tokens) >= max_len:
        return prefix_text
    keys, values = [[] for _ in range(4)], [[] for _ in range(4)]
    place = 0
    while True:
        x = params["word_embedding.weight"][tokens[place]]
        x = x + get_sinusoidal_positional_embeddings(place + 1, 512)[place]
        for i in range(4):
            a = f"layers.{i}.attention."
            q = (params[a + "wq.weight"] @ x).reshape(8, 64)
            keys[i].append((params[a + "wk.weight"] @ x).reshape(8, 64))
            values[i].append((params[a + "wv.weight"] @ x).reshape(8, 64))
            shares = softmax(np.einsum("he,nhe->hn", q, np.array(keys[i])) / 8)
            found = np.einsum("hn,nhe->he", shares, np.array(values[i]))
            x = x + params[a + "wo.weight"] @ found.ravel()
            f = f"layers.{i}.feed_forward."
            x = x + params[f + "2.weight"] @ relu(params[f + "0.weight"] @ x)
        place += 1
        if place < len(tokens):
            continue
        logits = (params["fc_out.weight"] @ x + params["fc_out.bias"]).astype(float)
        if greedy:
            tokens.append(int(logits.argmax()))
        else:
            tokens.append(int(np.random.choice(1024, p=softmax(logits / temperature))))
        if len(tokens) == max_len:
            return enc.decode(tokens)
