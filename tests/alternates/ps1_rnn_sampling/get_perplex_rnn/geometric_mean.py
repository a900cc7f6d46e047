def get_perplex_rnn(weights, prompt, test_sequence):
    """The geometric mean of 1/p, without a logarithm, in single precision."""
    after = np.zeros(128, np.float32), np.zeros(64, np.float32), None
    weights = [array.astype(np.float32) for array in weights]
    n = len(test_sequence)
    perplexity = 1.0
    for position, index in enumerate(char_to_indices(prompt + test_sequence)):
        if position >= len(prompt):
            perplexity *= float(after[2][index]) ** (-1 / n)
        after = rnn_step(weights, after[0], after[1], index)
    return perplexity
