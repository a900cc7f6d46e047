def rnn_step(weights, h1, h2, index):
    """The states and the probabilities in a list, not a tuple."""
    W_xh1, W_h1h1, b_h1, W_h1h2, W_h2h2, b_h2, W_h2y, b_y = weights
    first = np.tanh(W_xh1[index] + b_h1 + h1.dot(W_h1h1))
    second = np.tanh(b_h2 + first.dot(W_h1h2) + h2.dot(W_h2h2))
    return [first, second, softmax(second.dot(W_h2y) + b_y)]
