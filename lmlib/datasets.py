"""Training examples from a text: chunks of characters, each with the characters one place later.

This module needs PyTorch; `import lmlib` does not load it.
"""

import torch
from torch import Tensor
from torch.utils.data import Dataset


class CharLMDataset(Dataset[tuple[Tensor, Tensor]]):
    """Chunks of a text for a character-level language model.

    Item i is a pair of int64 tensors (T,), T = seq_length: the characters from position i · T,
    and those one position later.  Chunks do not overlap; a remainder at the end is dropped.

    Attributes: `vocab`, the characters in order; `stoi` and `itos`, from character to token and
    back.
    """

    def __init__(self, text: str, seq_length: int = 20, vocab: str | None = None):
        """Encode a text.

        seq_length: T, the number of characters in a chunk
        vocab:      the characters that may occur; by default those of the text, sorted.  For a
                    held-out text, give the vocabulary of the training text.

        Raises ValueError if the text is too short for one chunk or has a character that is
        not in the vocabulary.
        """
        self.vocab = "".join(sorted(set(text))) if vocab is None else vocab
        self.stoi = {character: token for token, character in enumerate(self.vocab)}
        self.itos = dict(enumerate(self.vocab))
        self.seq_length = seq_length
        if len(text) <= seq_length:
            raise ValueError(
                f"A chunk of {seq_length} characters and the one after it need {seq_length + 1};"
                f" the text has {len(text)}."
            )
        if unknown := set(text) - set(self.stoi):
            shown = ", ".join(repr(character) for character in sorted(unknown)[:5])
            raise ValueError(f"The vocabulary lacks characters of the text: {shown}.")
        self.tokens = torch.tensor([self.stoi[character] for character in text])  # (n,)

    def __len__(self) -> int:
        """The number of chunks: even the last one has a character after it."""
        return (len(self.tokens) - 1) // self.seq_length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Chunk `index`, counted from 0.  Raises IndexError if there is no such chunk."""
        if not 0 <= index < len(self):
            raise IndexError(
                f"There is no chunk {index}: chunks are numbered from 0 to {len(self) - 1}."
            )
        start = index * self.seq_length
        chunk = self.tokens[start : start + self.seq_length + 1]  # (T + 1,)
        return chunk[:-1], chunk[1:]
