class Network:
    """The weights and the two states, as one object in single precision and columns."""

    def __init__(self, weights):
        self.weights = [np.array(w, dtype="float32") for w in weights]
        self.states = [np.zeros((128, 1), "float32"), np.zeros((64, 1), "float32")]

    def read(self, index):
        W = self.weights
        column = W[0][index][:, None] + W[2][:, None] + W[1].T @ self.states[0]
        self.states[0] = np.tanh(column)
        self.states[1] = np.tanh(W[3].T @ self.states[0] + W[4].T @ self.states[1] + W[5][:, None])
        self.logits = (W[6].T @ self.states[1]).ravel() + W[7]

    def draw(self):
        """Gumbel's trick: the largest of the perturbed logits is a draw from their softmax."""
        return int(np.argmax(self.logits + np.random.gumbel(size=self.logits.shape)))


def sample_text_RNN(weights, prompt, N):
    network = Network(weights)
    indices = list(char_to_indices(prompt))
    for index in indices:
        network.read(index)
    for _ in range(N - len(prompt)):
        indices.append(network.draw())
        network.read(indices[-1])
    return np.str_(indices_to_char(indices))
