def transformer(tokens, params):
    """Tokens as a tuple, positions first, and the sum of each block in one line."""
    stream = get_sinusoidal_positional_embeddings(len(tokens), d_model) + embed_tokens(
        tuple(int(t) for t in tokens), params
    )

    def block(stream, layer):
        middle = np.add(multi_head_attention(stream, params, f"layers.{layer}"), stream)
        return np.add(mlp(middle, params, f"layers.{layer}"), middle)

    for layer in range(n_layers):
        stream = block(stream, layer)
    return prediction_head(stream, params)
