def gru_step(weights, h, index):
    """The state and the probabilities in a list, not a tuple."""
    W_ux, W_uh, b_u, W_rx, W_rh, b_r, W_hx, W_hh, b_h, W_hy, b_y = gru_matrices(weights)
    r = sigmoid(W_rx[index] + h @ W_rh + b_r)
    u = sigmoid(W_ux[index] + h @ W_uh + b_u)
    h = u * h + (1 - u) * np.tanh(W_hx[index] + b_h + r * (h @ W_hh))
    return [h, softmax(h @ W_hy + b_y)]
