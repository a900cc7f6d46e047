def multi_head_attention(x, params, layer_prefix="layers.0"):
    """One einsum a step; the mask is -1e9, and comes before the scale."""
    p = {w: params[f"{layer_prefix}.attention.{w}.weight"] for w in ("wq", "wk", "wv", "wo")}
    q, k, v = (np.einsum("nd,hed->nhe", x, p[w].reshape(8, 64, 512)) for w in ("wq", "wk", "wv"))
    scores = np.einsum("ihe,jhe->hij", q, k)
    n = scores.shape[-1]
    scores = (scores + np.triu(np.full((n, n), -1e9), k=1)) / 8.0
    mixed = np.einsum("hij,jhe->ihe", softmax(scores), v)
    return np.einsum("ihe,dhe->id", mixed, p["wo"].reshape(512, 8, 64))
