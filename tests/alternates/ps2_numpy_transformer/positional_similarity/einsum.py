def positional_similarity(n, dim):
    p = get_sinusoidal_positional_embeddings(n, dim).astype(np.float64)
    return np.einsum("id,jd->ij", p, p)
