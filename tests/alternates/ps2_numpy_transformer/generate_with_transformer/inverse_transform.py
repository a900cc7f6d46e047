def generate_with_transformer(prefix_text, params, max_len=128, greedy=False, temperature=0.9):
    import random

    tokens = list(enc.encode(prefix_text))
    while True:
        if len(tokens) >= max_len:
            return enc.decode(tokens)
        last = transformer(tokens, params)[len(tokens) - 1]
        if greedy:
            tokens.append(int(last.argmax()))
            continue
        shares = np.cumsum(softmax(np.float64(last) / temperature))
        tokens.append(min(int(np.searchsorted(shares, random.random() * shares[-1])), 1023))
