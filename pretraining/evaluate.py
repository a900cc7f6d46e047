"""Evaluation of a trained network in NumPy: its perplexity, a bigram model's, and a sample."""

from collections.abc import Iterable, Iterator

import numpy as np

from lmlib.tokenizers import CharacterTokenizer
from lmlib.weights import Pretrained


def rnn_logits(weights: list[np.ndarray], indices: Iterable[int]) -> Iterator[np.ndarray]:
    """The logits (V,) after each index, from a zero state.

    weights: the 8 arrays W_xh1, W_h1h1, b_h1, W_h1h2, W_h2h2, b_h2, W_h2y, b_y.
    """
    W_xh1, W_h1h1, b_h1, W_h1h2, W_h2h2, b_h2, W_h2y, b_y = [w.astype(np.float64) for w in weights]
    h1, h2 = np.zeros(len(b_h1)), np.zeros(len(b_h2))
    for index in indices:
        h1 = np.tanh(W_xh1[index] + h1 @ W_h1h1 + b_h1)  # (H1,)
        h2 = np.tanh(h1 @ W_h1h2 + h2 @ W_h2h2 + b_h2)  # (H2,)
        yield h2 @ W_h2y + b_y  # (V,)


def gru_logits(weights: list[np.ndarray], indices: Iterable[int]) -> Iterator[np.ndarray]:
    """The logits (V,) after each index, from a zero state.

    weights: kernel (V, 3H), recurrent kernel (H, 3H), bias (2, 3H), dense (H, V), (V,); gates in
    the order update, reset, candidate, and the reset gate after the product, as in Keras.
    """
    kernel, recurrent_kernel, bias, dense, dense_bias = [w.astype(np.float64) for w in weights]
    hidden = np.zeros(len(dense))
    for index in indices:
        inputs = np.split(kernel[index] + bias[0], 3)  # three of (H,)
        recurrent = np.split(hidden @ recurrent_kernel + bias[1], 3)
        update = 1 / (1 + np.exp(-inputs[0] - recurrent[0]))
        reset = 1 / (1 + np.exp(-inputs[1] - recurrent[1]))
        candidate = np.tanh(inputs[2] + reset * recurrent[2])
        hidden = (1 - update) * candidate + update * hidden
        yield hidden @ dense + dense_bias  # (V,)


LOGITS = {"rnn": rnn_logits, "gru": gru_logits}


def perplexity(model: Pretrained, indices: np.ndarray) -> float:
    """Perplexity of indices (n,) except the first, which only initializes the state."""
    logits = np.stack(list(LOGITS[model.name](model.arrays, indices[:-1])))  # (n - 1, V)
    logits -= logits.max(axis=1, keepdims=True)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(np.exp(-log_probabilities[np.arange(len(logits)), indices[1:]].mean()))


def bigram_perplexity(
    training: np.ndarray, indices: np.ndarray, vocabulary_size: int, smoothing: float = 0.1
) -> float:
    """Perplexity of indices (n,) without the first under the pairs counted in training (m,).

    smoothing is added to every count, so that an unseen pair keeps some probability.
    """
    counts = np.full((vocabulary_size, vocabulary_size), smoothing)
    np.add.at(counts, (training[:-1], training[1:]), 1.0)
    probabilities = counts / counts.sum(axis=1, keepdims=True)  # (V, V), rows sum to one
    return float(np.exp(-np.log(probabilities[indices[:-1], indices[1:]]).mean()))


def sample(model: Pretrained, prompt: str, length: int, seed: int) -> str:
    """The prompt, continued by the network to a text of length characters."""
    tokenizer = CharacterTokenizer(model.vocabulary)
    generator = np.random.default_rng(seed)
    indices = tokenizer.encode(prompt).tolist()
    for read, logits in enumerate(LOGITS[model.name](model.arrays, indices), start=1):
        if read == length:
            break
        if read == len(indices):  # all was read: the network's next input is what it draws now
            perturbed = logits + generator.gumbel(size=len(logits))
            indices.append(int(perturbed.argmax()))  # a draw from softmax(logits)
    return tokenizer.decode(indices)
