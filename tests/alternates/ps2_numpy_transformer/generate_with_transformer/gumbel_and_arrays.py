def generate_with_transformer(prefix_text, params, max_len=128, greedy=False, temperature=0.9):
    """Gumbel's trick: the largest of the perturbed logits is a draw from their softmax."""
    ids = np.array(enc.encode(prefix_text))
    rng = np.random.default_rng()
    for _ in range(max_len - len(ids)):
        logits = np.asarray(transformer(ids, params))[-1].astype(float)
        if not greedy:
            logits = logits / temperature + rng.gumbel(size=len(logits))
        ids = np.append(ids, logits.argmax())
    return enc.decode(ids)
