"""Sentences in capitals as tokens: 31 symbols, with a start, an end and padding.

This module needs PyTorch; `import lmlib` does not load it.
"""

from collections.abc import Iterator, Sequence
from string import ascii_uppercase

import torch
from torch import Tensor

SYMBOLS = ("<pad>", "<sos>", "<eos>", *ascii_uppercase, "'", " ")
"""The vocabulary: token i stands for SYMBOLS[i]."""

_TOKENS = {symbol: token for token, symbol in enumerate(SYMBOLS)}
PAD, SOS, EOS = range(3)


def encode(line: str) -> list[int]:
    """A complete sentence as tokens: <sos>, one for each character, <eos>.

    Raises ValueError for a character that is none of the 28 ordinary symbols.
    """
    unknown = sorted(set(line) - set(SYMBOLS[EOS + 1 :]))
    if unknown:
        raise ValueError(f"There is no symbol for {', '.join(map(repr, unknown))}.")
    return [SOS, *(_TOKENS[character] for character in line), EOS]


def decode(tokens: Tensor | Sequence[int]) -> str:
    """Tokens as text; special symbols are left out."""
    return "".join(SYMBOLS[token] for token in map(int, tokens) if token > EOS)


def padded(sentences: Sequence[Sequence[int]]) -> Tensor:
    """Sentences as one tensor (B, T), with <pad> behind those that are shorter than T."""
    rows = [torch.tensor(sentence) for sentence in sentences]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)


def batches(
    lines: Sequence[str], batch_size: int, generator: torch.Generator | None = None
) -> Iterator[Tensor]:
    """Batches of complete sentences (B, T), in a new order each time round, without end.

    Sentences of about the same length are put together, so that little is padding.
    Raises ValueError where there are fewer lines than a batch takes.
    """
    if len(lines) < batch_size:
        raise ValueError(f"A batch takes {batch_size} sentences; there are {len(lines)}.")
    sentences = [encode(line) for line in lines]
    pool_size = 20 * batch_size  # sorted by length within, drawn at random from one to the next
    while True:
        order = torch.randperm(len(sentences), generator=generator).tolist()
        for start in range(0, len(order), pool_size):
            pool = sorted(order[start : start + pool_size], key=lambda i: len(sentences[i]))
            whole = range(0, len(pool) - batch_size + 1, batch_size)
            for at in torch.randperm(len(whole), generator=generator).tolist():
                chosen = pool[whole[at] : whole[at] + batch_size]
                yield padded([sentences[index] for index in chosen])
