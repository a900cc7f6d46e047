def multi_head_attention(x, params, layer_prefix="layers.0"):
    """Queries, keys and values by one product; the scale goes into the queries."""
    names = [f"{layer_prefix}.attention.{w}.weight" for w in ("wq", "wk", "wv")]
    packed = x @ np.vstack([params[name] for name in names]).T  # (n, 3 * d_model)
    q, k, v = (np.split(part, n_heads, axis=1) for part in np.split(packed, 3, axis=1))
    heads = []
    for query, key, value in zip(q, k, v, strict=True):
        scores = apply_presoftmax_causal_mask((query * 0.125) @ key.T)
        heads.append(softmax(scores) @ value)
    return np.hstack(heads) @ params[f"{layer_prefix}.attention.wo.weight"].T
