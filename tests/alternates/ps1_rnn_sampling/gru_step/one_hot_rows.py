def gru_step(weights, h, index):
    """One-hot rows of shape (1, V) and matrix products throughout, as the equations read."""
    W_ux, W_uh, b_u, W_rx, W_rh, b_r, W_hx, W_hh, b_h, W_hy, b_y = gru_matrices(weights)
    x = np.eye(len(b_y))[[index]]  # (1, V)
    old = np.atleast_2d(h)  # (1, 512)
    gate_u = 1 / (1 + np.exp(-(x @ W_ux + old @ W_uh + b_u)))
    gate_r = 1 / (1 + np.exp(-(x @ W_rx + old @ W_rh + b_r)))
    c = np.tanh(x @ W_hx + gate_r * np.matmul(old, W_hh) + b_h)
    new = c - gate_u * c + gate_u * old
    return new[0], softmax(new @ W_hy + b_y)[0]
