def get_perplex_gru(weights, prompt, test_sequence):
    """All distributions first, then one look-up and one mean over an array."""
    indices = char_to_indices(prompt + test_sequence)
    h, rows = np.zeros(512), []
    for index in indices[:-1]:
        h, p = gru_step(weights, h, index)
        rows.append(p)
    scored = np.array(rows)[len(prompt) - 1 :]  # (n, V)
    surprises = -np.log(np.take_along_axis(scored, indices[len(prompt) :, None], axis=1))
    return np.exp(surprises.mean())
