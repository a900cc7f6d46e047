def transformer(tokens, params):
    """Positions from the frequencies in the file; the stream is changed in place."""
    x = np.array(embed_tokens(tokens, params), dtype=np.float64)
    angles = np.outer(np.arange(len(tokens)), params["position_embedding.inv_freq"])
    x += np.hstack([np.sin(angles), np.cos(angles)])
    for prefix in ["layers.0", "layers.1", "layers.2", "layers.3"]:
        x += multi_head_attention(x, params, layer_prefix=prefix)
        x += mlp(x, params, layer_prefix=prefix)
    return prediction_head(x, params)
