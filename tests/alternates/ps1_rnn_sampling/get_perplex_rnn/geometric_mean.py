def get_perplex_rnn(weights, prompt, test_sequence):
    """The geometric mean of 1/p, without a logarithm, in single precision."""
    h1, h2 = np.zeros(128, np.float32), np.zeros(64, np.float32)
    n = len(test_sequence)
    perplexity = 1.0
    for position, index in enumerate(char_to_indices(prompt + test_sequence)):
        if position >= len(prompt):
            perplexity *= float(p[index]) ** (-1 / n)
        h1, h2, p = rnn_step([w.astype(np.float32) for w in weights], h1, h2, index)
    return perplexity
