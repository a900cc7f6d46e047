def positional_similarity(n, dim):
    """cos a cos b + sin a sin b = cos(a - b): no embedding is needed."""
    places = np.arange(n)
    similarity = np.zeros((n, n))
    for k in range(0, dim, 2):
        similarity += np.cos((places[:, None] - places[None, :]) / 10000 ** (k / dim))
    return similarity
