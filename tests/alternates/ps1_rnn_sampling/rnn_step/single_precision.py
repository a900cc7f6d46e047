def rnn_step(weights, h1, h2, index):
    """Everything in float32, the exponentials written out, the tanh by hand."""
    arrays = [np.asarray(array, dtype=np.float32) for array in weights]
    first = arrays[0][index] + np.dot(h1.astype(np.float32), arrays[1]) + arrays[2]
    h1 = 2 / (1 + np.exp(-2 * first)) - 1
    h2 = np.tanh(np.dot(h1, arrays[3]) + np.dot(h2.astype(np.float32), arrays[4]) + arrays[5])
    logits = np.dot(h2, arrays[6]) + arrays[7]
    powers = np.exp(logits - logits.max())
    return h1, h2, powers / powers.sum()
