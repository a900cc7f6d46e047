"""Interpolated character n-gram model, counted on a long text.

Witten and Bell's interpolation (1991, method C): with c(h, s) how often symbol s follows the
history h, and t(h) how many different symbols do,

    p(s | h) = (c(h, s) + t(h) p(s | h without its first symbol)) / (c(h) + t(h))

All n-grams of the text are encoded as numbers in one sorted array, so that the count of an n-gram,
or of its prefix, is the distance between two positions in it.
"""

import numpy as np

from lmlib.utterances import EOS, SYMBOLS

ORDER = 6  # symbols in an n-gram: the history and the next symbol
BASE = len(SYMBOLS)


class NGrams:
    """The n-grams of a text."""

    def __init__(self, tokens: np.ndarray, order: int = ORDER) -> None:
        """Count.

        tokens: (n,) integers below BASE
        order:  symbols in the longest n-gram, at most 12
        """
        self.order = order
        padded = np.concatenate([tokens, np.zeros(order - 1, dtype=tokens.dtype)])
        numbers = np.zeros(len(tokens), dtype=np.int64)
        for place in range(order):
            numbers = numbers * BASE + padded[place : place + len(tokens)]
        self._numbers = np.sort(numbers)

    def counts(self, grams: np.ndarray) -> np.ndarray:
        """How often each n-gram occurs.

        grams:   (..., k) integers below BASE, k at most the order
        returns  (...)
        """
        k = grams.shape[-1]
        first = np.zeros(grams.shape[:-1], dtype=np.int64)
        for place in range(k):
            first = first * BASE + grams[..., place]
        below = BASE ** (self.order - k)
        begin, end = (np.searchsorted(self._numbers, (first + more) * below) for more in (0, 1))
        return end - begin

    def followers(self, histories: np.ndarray) -> np.ndarray:
        """How often each symbol follows each history.

        histories: (..., k) integers below BASE, k below the order
        returns    (..., V)
        """
        shape = (*histories.shape[:-1], BASE)
        repeated = np.broadcast_to(histories[..., None, :], (*shape, histories.shape[-1]))
        symbols = np.broadcast_to(np.arange(BASE)[:, None], (*shape, 1))
        return self.counts(np.concatenate([repeated, symbols], axis=-1))

    def probabilities(self, rows: np.ndarray, order: int | None = None) -> np.ndarray:
        """The probability of each symbol after each row, by Witten and Bell's interpolation.

        rows:    (..., T) integers below BASE, T at least order - 1
        order:   of the longest n-grams used; the model's own if None
        returns  (..., V)
        """
        rows = rows.astype(np.int64)
        p = np.full((*rows.shape[:-1], BASE), 1 / BASE)
        for length in range(order or self.order):  # of the history
            follow = self.followers(rows[..., rows.shape[-1] - length :])
            kinds = (follow > 0).sum(axis=-1, keepdims=True)
            total = follow.sum(axis=-1, keepdims=True) + kinds
            p = np.where(kinds > 0, (follow + kinds * p) / np.maximum(total, 1), p)
        return p

    def log_probabilities(self, beginnings: np.ndarray, added: np.ndarray) -> np.ndarray:
        """The log-probability of each added symbol, given what precedes it.

        Special symbols are excluded, so that a text may end in the middle of a sentence.

        beginnings: (M, T), T at least the order - 1
        added:      (M, n), ordinary symbols
        returns     (M, n), natural logarithms
        """
        whole = np.concatenate([beginnings, added], axis=1).astype(np.int64)
        places = range(beginnings.shape[1], whole.shape[1])
        histories = np.stack([whole[:, at - self.order + 1 : at] for at in places], axis=1)
        p = self.probabilities(histories)  # (M, n, V)
        p[..., : EOS + 1] = 0.0
        p /= p.sum(axis=-1, keepdims=True)
        return np.log(np.take_along_axis(p, added[..., None].astype(np.int64), axis=-1))[..., 0]
