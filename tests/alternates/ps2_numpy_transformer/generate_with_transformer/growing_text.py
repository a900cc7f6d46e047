def generate_with_transformer(prefix_text, params, max_len=128, greedy=False, temperature=0.9):
    """The text is kept, not the tokens."""
    text, count = prefix_text, len(enc.encode(prefix_text))
    while count < max_len:
        logits = transformer(enc.encode(text), params)[-1].astype(np.float64)
        p = softmax(logits / (1 if greedy else temperature))
        token = p.argmax() if greedy else np.random.multinomial(1, p).argmax()
        text, count = text + enc.decode([token]), count + 1
    return text
