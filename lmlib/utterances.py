"""Sentences in capitals as tokens: 31 symbols, with a start, an end and padding."""

from collections.abc import Iterable
from string import ascii_uppercase

SYMBOLS = ("<pad>", "<sos>", "<eos>", *ascii_uppercase, "'", " ")
"""The vocabulary: token i is SYMBOLS[i]."""

_TOKENS = {symbol: token for token, symbol in enumerate(SYMBOLS)}
PAD, SOS, EOS = range(3)


def encode(line: str) -> list[int]:
    """A complete sentence as tokens: <sos>, one for each character, <eos>.

    Raises ValueError if a character is not one of the 28 ordinary symbols.
    """
    unknown = sorted(set(line) - set(SYMBOLS[EOS + 1 :]))
    if unknown:
        raise ValueError(f"There is no symbol for {', '.join(map(repr, unknown))}.")
    return [SOS, *(_TOKENS[character] for character in line), EOS]


def decode(tokens: Iterable[int]) -> str:
    """Tokens as text; special symbols are left out.  A tensor or array (T,) works too."""
    return "".join(SYMBOLS[token] for token in map(int, tokens) if token > EOS)
