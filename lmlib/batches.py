"""Batches of windows from a text: the tokens that a model reads, and the token after each of them.

This module and `lmlib.training` need PyTorch; `import lmlib` does not load them.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lmlib import utterances


def split(tokens: Tensor, share: float = 0.9) -> tuple[Tensor, Tensor]:
    """The beginning of the tokens (n,), for training, and the rest, held out.

    share: the fraction of the tokens in the beginning, between 0 and 1.  The split is by position:
    windows drawn at random from one text would overlap, and nothing would be held out.
    """
    cut = int(share * len(tokens))
    return tokens[:cut], tokens[cut:]


def random_windows(
    tokens: Tensor,
    context_window_size: int,
    batch_size: int,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Windows from random positions, each equally likely.

    tokens: (n,) integers.  Returns the windows (B, T) and, for each of their tokens, the one that
    follows it (B, T), as tensors of the same dtype.  Both are slices of one tensor (B, T + 1),
    so neither is contiguous.  Raises ValueError if the text is too short for a single window.
    """
    places = len(tokens) - context_window_size
    if places < 1:
        raise ValueError(
            f"A window of {context_window_size} tokens and the token after it need"
            f" {context_window_size + 1} tokens; there are {len(tokens)}: choose a smaller window."
        )
    starts = torch.randint(places, (batch_size, 1), generator=generator)  # (B, 1)
    windows = tokens[starts + torch.arange(context_window_size + 1)]  # (B, T + 1)
    return windows[:, :-1], windows[:, 1:]


def padded(sentences: Sequence[Sequence[int]]) -> Tensor:
    """Sentences as one tensor (B, T), with <pad> after those shorter than T."""
    rows = [torch.tensor(sentence) for sentence in sentences]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=utterances.PAD)


def sentence_batches(
    lines: Sequence[str], batch_size: int, generator: torch.Generator | None = None
) -> Iterator[Tensor]:
    """Endless batches of complete sentences (B, T), in a new order on each pass.

    Sentences of similar length are grouped, so that there is little padding.
    Raises ValueError if there are fewer lines than a batch needs.
    """
    if len(lines) < batch_size:
        raise ValueError(f"A batch needs {batch_size} sentences; there are {len(lines)}.")
    sentences = [utterances.encode(line) for line in lines]
    pool_size = 20 * batch_size  # sorted by length within a pool; pools are random
    while True:
        order = torch.randperm(len(sentences), generator=generator).tolist()
        for start in range(0, len(order), pool_size):
            pool = sorted(order[start : start + pool_size], key=lambda i: len(sentences[i]))
            whole = range(0, len(pool) - batch_size + 1, batch_size)
            for at in torch.randperm(len(whole), generator=generator).tolist():
                chosen = pool[whole[at] : whole[at] + batch_size]
                yield padded([sentences[index] for index in chosen])
