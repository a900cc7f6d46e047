def get_perplex_rnn(weights, prompt, test_sequence):
    """Bits and powers of two, in an array of shape (1,)."""
    states = np.zeros(128), np.zeros(64)
    bits = np.zeros(1)
    previous = prompt[0]
    for position, character in enumerate(prompt[1:] + test_sequence, start=1):
        *states, p = rnn_step(weights, *states, char_to_indices(previous)[0])
        if position >= len(prompt):
            bits -= np.log2(p[char_to_indices(character)])
        previous = character
    return 2 ** (bits / len(test_sequence))
