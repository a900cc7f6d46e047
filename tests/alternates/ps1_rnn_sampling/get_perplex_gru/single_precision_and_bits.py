def get_perplex_gru(weights, prompt, test_sequence):
    """Float32 weights, bits, a power of two, and an array of shape (1,)."""
    weights = [np.float32(array) for array in weights]
    state, bits = np.zeros(512, np.float32), np.zeros(1)
    previous = char_to_indices(prompt)[0]
    for position, index in enumerate(char_to_indices(prompt + test_sequence)[1:], start=1):
        state, p = gru_step(weights, state, previous)
        if position >= len(prompt):
            bits -= np.log2(p[index]) / len(test_sequence)
        previous = index
    return 2**bits
