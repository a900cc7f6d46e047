"""From text to numbers and back.

>>> tokenizer = CharacterTokenizer("abc ")
>>> tokenizer.encode("cab")
array([2, 0, 1])
>>> tokenizer.decode([2, 0, 1])
'cab'
"""

from collections.abc import Iterable

import numpy as np


class UnknownCharacter(ValueError):
    """A character that the vocabulary does not hold."""


class CharacterTokenizer:
    """One number a character: its place in the vocabulary."""

    def __init__(self, vocabulary: str):
        """Raises ValueError when a character occurs twice in the vocabulary."""
        self.vocabulary = vocabulary
        self._index_of = {character: index for index, character in enumerate(vocabulary)}
        if len(self._index_of) < len(vocabulary):
            twice = next(c for c in vocabulary if vocabulary.count(c) > 1)
            raise ValueError(f"The vocabulary holds the character {twice!r} more than once.")

    def __len__(self) -> int:
        """V, the number of characters in the vocabulary."""
        return len(self.vocabulary)

    def encode(self, text: str) -> np.ndarray:
        """The index of each character: n characters to an int64 array (n,).

        Raises UnknownCharacter when the text holds a character outside the vocabulary.
        """
        try:
            return np.fromiter(map(self._index_of.__getitem__, text), np.int64, len(text))
        except KeyError as error:
            character = error.args[0]
        raise UnknownCharacter(
            f"The character {character!r} at position {text.index(character)} is not in the"
            f" vocabulary of {len(self)} characters: replace it, or remove it, before encoding."
        )

    def decode(self, indices: Iterable[int]) -> str:
        """The text of the indices, numbers from 0 to V - 1 in any sequence or array (n,).

        Raises ValueError when an index lies outside the vocabulary.
        """
        characters = []
        for position, index in enumerate(indices):
            if not 0 <= index < len(self):
                raise ValueError(
                    f"The index {index} at position {position} is outside the vocabulary:"
                    f" indices go from 0 to {len(self) - 1}."
                )
            characters.append(self.vocabulary[index])
        return "".join(characters)
