rng = np.random.default_rng()


def forward(weights, states, index):
    x = np.zeros((1, len(weights[7])))  # a one-hot row
    x[0, index] = 1
    Wx, Wh, bh, Wx2, Wh2, bh2, Wy, by = weights
    a = np.tanh(np.matmul(x, Wx) + np.matmul(states[0], Wh) + bh)  # (1, 128)
    b = np.tanh(np.matmul(a, Wx2) + np.matmul(states[1], Wh2) + bh2)  # (1, 64)
    return (a, b), np.matmul(b, Wy) + by  # (1, V)


def sample_text_RNN(weights, prompt, N):
    memory = {"states": (np.zeros((1, 128)), np.zeros((1, 64)))}
    text = ""
    for position in range(N):
        if position < len(prompt):
            character = prompt[position]
        else:
            cumulated = np.cumsum(softmax(memory["logits"][0]))
            drawn = np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right")
            character = indices_to_char([drawn])
        text += character
        index = char_to_indices(character)[0]
        memory["states"], memory["logits"] = forward(weights, memory["states"], index)
    return text
