generator = np.random.default_rng()


def sample_text_GRU(weights, prompt, N):
    """Draws by inverse transform: the first place where the cumulated probability exceeds u."""
    state, p, text = np.zeros(512), None, ""
    for position in range(N):
        if position < len(prompt):
            character = prompt[position]
        else:
            cumulated = np.cumsum(p)
            u = generator.random() * cumulated[-1]
            character = indices_to_char([np.searchsorted(cumulated, u, side="right")])
        text += character
        state, p = gru_step(weights, state, char_to_indices(character)[0])
    return text
