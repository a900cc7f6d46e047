"""What the trained network is worth, in NumPy: its perplexity, a bigram model's, and a sample."""

from collections.abc import Iterable, Iterator

import numpy as np

from lmlib.tokenizers import CharacterTokenizer


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


def rnn_perplexity(weights: list[np.ndarray], indices: np.ndarray) -> float:
    """Perplexity of indices (n,) without the first, which only warms the state up from zero."""
    logits = np.stack(list(rnn_logits(weights, indices[:-1])))  # (n - 1, V)
    logits -= logits.max(axis=1, keepdims=True)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(np.exp(-log_probabilities[np.arange(len(logits)), indices[1:]].mean()))


def bigram_perplexity(
    training: np.ndarray, indices: np.ndarray, vocabulary_size: int, smoothing: float = 0.1
) -> float:
    """Perplexity of indices (n,) without the first under the pairs counted in training (m,).

    smoothing is added to every count, so that a pair never seen keeps some probability.
    """
    counts = np.full((vocabulary_size, vocabulary_size), smoothing)
    np.add.at(counts, (training[:-1], training[1:]), 1.0)
    probabilities = counts / counts.sum(axis=1, keepdims=True)  # (V, V), rows sum to one
    return float(np.exp(-np.log(probabilities[indices[:-1], indices[1:]]).mean()))


def rnn_sample(
    weights: list[np.ndarray], tokenizer: CharacterTokenizer, prompt: str, length: int, seed: int
) -> str:
    """A text of length characters in all that the network drew after the prompt."""
    generator = np.random.default_rng(seed)
    indices = tokenizer.encode(prompt).tolist()
    for read, logits in enumerate(rnn_logits(weights, indices), start=1):
        if read == length:
            break
        if read == len(indices):  # all was read: the network's next input is what it draws now
            perturbed = logits + generator.gumbel(size=len(logits))
            indices.append(int(perturbed.argmax()))  # a draw from softmax(logits)
    return tokenizer.decode(indices)
