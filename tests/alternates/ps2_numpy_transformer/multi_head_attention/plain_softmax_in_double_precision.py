def multi_head_attention(x, params, layer_prefix="layers.0"):
    """Exponentials of the scores themselves; what lies in the future is multiplied by zero."""
    x = np.asarray(x, dtype=np.float64)
    wq, wk, wv, wo = (
        params[f"{layer_prefix}.attention.{w}.weight"].astype(np.float64)
        for w in ("wq", "wk", "wv", "wo")
    )
    n = x.shape[0]
    q = (wq @ x.T).reshape(n_heads, -1, n)  # (n_heads, d_head, n)
    k = (wk @ x.T).reshape(n_heads, -1, n)
    v = (wv @ x.T).reshape(n_heads, -1, n)
    powers = np.exp(np.matmul(q.swapaxes(1, 2), k) / np.sqrt(q.shape[1])) * np.tri(n)
    shares = powers / powers.sum(-1, keepdims=True)  # (n_heads, n, n)
    return (wo @ np.matmul(v, shares.swapaxes(1, 2)).reshape(-1, n)).T
