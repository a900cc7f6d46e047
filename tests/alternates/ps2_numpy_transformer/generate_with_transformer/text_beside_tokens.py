def generate_with_transformer(prefix_text, params, max_len=128, greedy=False, temperature=0.9):
    """The text grows beside its tokens, which are an array."""
    text, ids = prefix_text, np.array(enc.encode(prefix_text))
    while ids.size < max_len:
        logits = transformer(ids, params)[-1].astype(np.float64)
        p = softmax(logits / (1 if greedy else temperature))
        token = p.argmax() if greedy else np.random.multinomial(1, p).argmax()
        text, ids = text + enc.decode([token]), np.r_[ids, token]
    return text
