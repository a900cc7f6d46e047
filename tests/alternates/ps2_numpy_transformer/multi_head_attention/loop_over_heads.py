def multi_head_attention(x, params, layer_prefix="layers.0"):
    Wq = params[layer_prefix + ".attention.wq.weight"].T
    Wk = params[layer_prefix + ".attention.wk.weight"].T
    Wv = params[layer_prefix + ".attention.wv.weight"].T
    Wo = params[layer_prefix + ".attention.wo.weight"].T
    Q, K, V = np.dot(x, Wq), np.dot(x, Wk), np.dot(x, Wv)
    d_k = d_model // n_heads
    outputs = []
    for h in range(n_heads):
        columns = slice(h * d_k, (h + 1) * d_k)
        scores = np.dot(Q[:, columns], K[:, columns].T) / np.sqrt(d_k)
        A = softmax(apply_presoftmax_causal_mask(scores), axis=1)
        outputs.append(np.dot(A, V[:, columns]))
    return np.dot(np.concatenate(outputs, axis=1), Wo)
