def mlp(x, params, layer_prefix="layers.0"):
    W1 = params[layer_prefix + ".feed_forward.0.weight"].astype("float32").T
    W2 = params[layer_prefix + ".feed_forward.2.weight"].astype("float32").T
    h = np.matmul(x.astype("float32"), W1)
    return np.matmul(np.where(h > 0, h, 0), W2)
