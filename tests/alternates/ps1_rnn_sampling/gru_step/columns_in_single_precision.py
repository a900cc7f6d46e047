def gru_step(weights, h, index):
    """Columns, transposed matrices, float32, and both gates in one product."""
    kernel, recurrent, bias, dense, dense_bias = (np.asarray(w, np.float32) for w in weights)
    column = np.asarray(h, np.float32).reshape(-1, 1)
    own = recurrent.T @ column + bias[1][:, None]  # (1536, 1)
    given = kernel[index][:, None] + bias[0][:, None]
    update, reset = np.split(sigmoid(given[:1024] + own[:1024]), 2)
    candidate = np.tanh(given[1024:] + reset * own[1024:])
    column = candidate + update * (column - candidate)
    logits = dense.T @ column + dense_bias[:, None]
    return column.ravel(), softmax(logits, axis=0).ravel()
