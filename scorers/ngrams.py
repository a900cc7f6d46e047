"""An interpolated character n-gram, counted on a long text.

Witten and Bell's interpolation (1991, method C): with c(h, s) how often symbol s follows the
history h, and t(h) how many different symbols do,

    p(s | h) = (c(h, s) + t(h) p(s | h without its first symbol)) / (c(h) + t(h))

All n-grams of the text are kept as numbers in one sorted array, so that how often one occurs, or a
beginning of one, is the distance of two places in it.
"""

import numpy as np

from lmlib.utterances import EOS, SYMBOLS

ORDER = 6  # symbols in an n-gram: the history and what follows
BASE = len(SYMBOLS)


class NGrams:
    """The n-grams of a text."""

    def __init__(self, tokens: np.ndarray) -> None:
        """Count.

        tokens: (n,) integers below BASE
        """
        padded = np.concatenate([tokens, np.zeros(ORDER - 1, dtype=tokens.dtype)])
        numbers = np.zeros(len(tokens), dtype=np.int64)
        for place in range(ORDER):
            numbers = numbers * BASE + padded[place : place + len(tokens)]
        self._numbers = np.sort(numbers)

    def counts(self, grams: np.ndarray) -> np.ndarray:
        """How often each n-gram occurs.

        grams:   (..., k) integers below BASE, k at most ORDER
        returns  (...)
        """
        k = grams.shape[-1]
        first = np.zeros(grams.shape[:-1], dtype=np.int64)
        for place in range(k):
            first = first * BASE + grams[..., place]
        below = BASE ** (ORDER - k)
        begin, end = (np.searchsorted(self._numbers, (first + more) * below) for more in (0, 1))
        return end - begin

    def log_probabilities(self, beginnings: np.ndarray, added: np.ndarray) -> np.ndarray:
        """The log-probability of each added symbol, given what is before it.

        Special symbols are left out, so that a text need not end where a sentence could.

        beginnings: (M, T), T at least ORDER - 1
        added:      (M, n), ordinary symbols
        returns     (M, n), natural logarithms
        """
        whole = np.concatenate([beginnings, added], axis=1).astype(np.int64)
        start = beginnings.shape[1]
        places = np.arange(start, whole.shape[1])
        symbols = np.arange(BASE)
        p = np.full((len(whole), len(places), BASE), 1 / BASE)
        for length in range(ORDER):  # of the history
            windows = np.stack([whole[:, at - length : at] for at in places], axis=1)  # (M, n, k)
            repeated = np.broadcast_to(windows[:, :, None], (*p.shape, length))
            grams = np.concatenate(
                [repeated, np.broadcast_to(symbols[:, None], (*p.shape, 1))], axis=-1
            )
            follow = self.counts(grams)  # (M, n, V)
            kinds = (follow > 0).sum(axis=-1, keepdims=True)
            known = kinds > 0
            total = follow.sum(axis=-1, keepdims=True) + kinds
            p = np.where(known, (follow + kinds * p) / np.maximum(total, 1), p)
        p[..., : EOS + 1] = 0.0
        p /= p.sum(axis=-1, keepdims=True)
        return np.log(np.take_along_axis(p, added[..., None].astype(np.int64), axis=-1))[..., 0]
