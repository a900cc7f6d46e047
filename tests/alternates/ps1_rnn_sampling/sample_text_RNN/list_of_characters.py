import random


def sample_text_RNN(weights, prompt, N):
    """Returns a list of characters, reads the last one lazily, draws with Python's own random."""
    h1, h2 = np.zeros_like(weights[2]), np.zeros_like(weights[5])
    characters = list(prompt)
    read = 0
    while len(characters) < N:
        while read < len(characters):
            h1, h2, p = rnn_step(weights, h1, h2, char_to_indices(characters[read])[0])
            read += 1
        index = random.choices(range(len(p)), weights=p.tolist())[0]
        characters.append(indices_to_char([index]))
    return characters
