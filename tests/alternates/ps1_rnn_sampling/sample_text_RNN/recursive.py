def sample_text_RNN(weights, prompt, N):
    """Reads the whole text again for every new character: slow, warned about, and right."""
    import warnings

    if len(prompt) == N:
        return prompt
    warnings.warn("this reads the prompt again", stacklevel=2)
    h1, h2 = np.zeros(128), np.zeros(64)
    for index in char_to_indices(prompt):
        h1, h2, p = rnn_step(weights, h1, h2, int(index))
    drawn = np.random.multinomial(1, np.asarray(p, dtype=np.float64) / np.sum(p, dtype=np.float64))
    return sample_text_RNN(weights, prompt + indices_to_char(np.flatnonzero(drawn)), N)
