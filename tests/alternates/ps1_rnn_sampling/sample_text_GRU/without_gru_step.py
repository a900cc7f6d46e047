def sample_text_GRU(weights, prompt, N):
    """Its own step, logits with Gumbel noise in place of a softmax, a list in place of text."""
    matrices = gru_matrices(weights)
    h, logits = np.zeros((512,)), None

    def read(h, i):
        W_ux, W_uh, b_u, W_rx, W_rh, b_r, W_hx, W_hh, b_h, W_hy, b_y = matrices
        u = sigmoid(W_ux[i] + np.dot(h, W_uh) + b_u)
        r = sigmoid(W_rx[i] + np.dot(h, W_rh) + b_r)
        h = u * h + (1.0 - u) * np.tanh(W_hx[i] + r * np.dot(h, W_hh) + b_h)
        return h, np.dot(h, W_hy) + b_y

    indices = [int(i) for i in char_to_indices(prompt)]
    for i in indices:
        h, logits = read(h, i)
    while len(indices) < N:
        indices.append(int(np.argmax(logits + np.random.gumbel(size=len(logits)))))
        h, logits = read(h, indices[-1])
    return list(indices_to_char(indices))
