def logits_after(weights, indices):
    """Logits after each character, without rnn_step: (T, V)."""
    W_x, W_h, b, W_12, W_22, b_2, W_y, b_y = weights
    inputs = W_x[indices] + b  # (T, 128): all characters at once
    h1, h2, rows = np.zeros((128,)), np.zeros((64,)), []
    for row in inputs:
        h1 = np.tanh(row + h1.dot(W_h))
        h2 = np.tanh(h1.dot(W_12) + h2.dot(W_22) + b_2)
        rows.append(h2)
    return np.array(rows) @ W_y + b_y


def get_perplex_rnn(weights, prompt, test_sequence):
    indices = char_to_indices(prompt + test_sequence)
    logits = logits_after(weights, indices[:-1])[len(prompt) - 1 :]  # (n, V)
    largest = logits.max(axis=1)
    log_total = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    log_p = logits[np.arange(len(test_sequence)), indices[len(prompt) :]] - log_total
    return np.exp(-log_p.mean())
