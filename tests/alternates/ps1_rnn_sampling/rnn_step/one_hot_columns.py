def rnn_step(weights, h1, h2, index):
    """One-hot columns and transposed matrices, as a textbook writes it."""
    V = weights[0].shape[0]
    x = np.eye(V)[:, [index]]  # (V, 1)
    W_xh1, W_h1h1, b_h1, W_h1h2, W_h2h2, b_h2, W_h2y, b_y = weights
    column_1, column_2 = h1.reshape(-1, 1), h2.reshape(-1, 1)
    new_1 = np.tanh(W_xh1.T @ x + W_h1h1.T @ column_1 + b_h1.reshape(-1, 1))
    new_2 = np.tanh(W_h1h2.T @ new_1 + W_h2h2.T @ column_2 + b_h2.reshape(-1, 1))
    logits = W_h2y.T @ new_2 + b_y.reshape(-1, 1)
    return new_1.ravel(), new_2.ravel(), softmax(logits, axis=0).ravel()
