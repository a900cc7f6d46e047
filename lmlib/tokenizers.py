"""Tokenizers, by characters or by byte-pair encoding.

>>> tokenizer = CharacterTokenizer("abc ")
>>> tokenizer.encode("cab")
array([2, 0, 1])
>>> tokenizer.decode([2, 0, 1])
'cab'
>>> shakespeare = load("shakespeare")
>>> [shakespeare.decode([token]) for token in shakespeare.encode("the question")]
['the', ' qu', 'est', 'ion']
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PRETRAINED = Path(__file__).parent / "pretrained"


class UnknownCharacter(ValueError):
    """A character that is not in the vocabulary."""


class CharacterTokenizer:
    """One token per character: its index in the vocabulary."""

    def __init__(self, vocabulary: str):
        """Raises ValueError if a character occurs twice in the vocabulary."""
        self.vocabulary = vocabulary
        self._index_of = {character: index for index, character in enumerate(vocabulary)}
        if len(self._index_of) < len(vocabulary):
            twice = next(c for c in vocabulary if vocabulary.count(c) > 1)
            raise ValueError(f"The vocabulary contains the character {twice!r} more than once.")

    def __len__(self) -> int:
        """V, the number of characters in the vocabulary."""
        return len(self.vocabulary)

    def encode(self, text: str) -> np.ndarray:
        """The index of each character: n characters to an int64 array (n,).

        Raises UnknownCharacter if the text has a character outside the vocabulary.
        """
        try:
            return np.fromiter(map(self._index_of.__getitem__, text), np.int64, len(text))
        except KeyError as error:
            character = error.args[0]
        raise UnknownCharacter(
            f"The character {character!r} at position {text.index(character)} is not in the"
            f" vocabulary of {len(self)} characters: replace or remove it before encoding."
        )

    def decode(self, indices: Iterable[int]) -> str:
        """The text of the indices, numbers from 0 to V - 1 in any sequence or array (n,).

        Raises ValueError if an index is outside the vocabulary.
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


class BytePairTokenizer:
    """Byte-level byte-pair encoding (Sennrich et al. 2016): one token per frequent piece of text.

    The first 256 tokens are the bytes themselves, so every text can be encoded.
    """

    def __init__(self, tokenizer: Tokenizer):
        """tokenizer: one from the library `tokenizers`, which does the work."""
        self._tokenizer = tokenizer

    def __len__(self) -> int:
        """V, the number of tokens."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, numbers from 0 to V - 1; none for the empty text."""
        tokens: list[int] = self._tokenizer.encode(text).ids
        return tokens

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the tokens, numbers from 0 to V - 1 in any sequence or array (n,).

        A token that is only part of a character, decoded alone, gives the replacement character.
        Raises ValueError if a token is outside the vocabulary.
        """
        tokens = [int(token) for token in ids]
        for position, token in enumerate(tokens):
            if not 0 <= token < len(self):
                raise ValueError(
                    f"The token {token} at position {position} is outside the vocabulary:"
                    f" tokens go from 0 to {len(self) - 1}."
                )
        return str(self._tokenizer.decode(tokens))


def load(name: str) -> BytePairTokenizer:
    """The trained byte-pair tokenizer called name: "shakespeare", with 1,024 tokens.

    Raises ValueError if there is no such tokenizer or its file is damaged.
    """
    from tokenizers import Tokenizer  # here, since CharacterTokenizer does not need the library

    path = PRETRAINED / f"{name}.tokenizer.json"
    if not path.exists():
        known = ", ".join(
            sorted(repr(p.name.partition(".")[0]) for p in PRETRAINED.glob("*.tokenizer.json"))
        )
        raise ValueError(f"There is no tokenizer called {name!r}: choose one of {known}.")
    try:
        return BytePairTokenizer(Tokenizer.from_file(str(path)))
    except Exception as error:  # the library raises plain Exception
        raise ValueError(
            f"The tokenizer at {path} is damaged ({error}): install lmlib again."
        ) from None


def learned(text: str, vocab_size: int) -> tuple[list[int], list[tuple[str, str]], dict[str, int]]:
    """A text as tokens of a byte-pair encoding that the library `tokenizers` learns from it.

    Returns the ids, the merges in order, and each token with its id.  In a token, Ġ stands for a
    space and Ċ for the end of a line.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    merges = [(a, b) for a, b in json.loads(tokenizer.to_str())["model"]["merges"]]
    vocab = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    return tokenizer.encode(text).ids, merges, dict(vocab)


BETWEEN_WORDS = "\x00"


def compare_merges(
    merges: Sequence[Sequence[str]], word_freqs: Mapping[str, int], vocab_size: int
) -> str:
    """A sentence that says whether and where merges differ from those of the library `tokenizers`.

    merges: pairs of tokens, in order; word_freqs: how often each word occurs; a word is a text
    without the character U+0000; vocab_size: V, including the characters.  The library learns from
    the same words: it begins with their characters, sorted, and breaks ties between equally
    frequent pairs in favor of the lowest ids.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(BETWEEN_WORDS, "removed")
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False)
    texts = (BETWEEN_WORDS.join([word] * count) for word, count in word_freqs.items())
    tokenizer.train_from_iterator(texts, trainer)
    theirs = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    ours = [tuple(pair) for pair in merges]
    if ours == theirs:
        return f"All {len(ours)} merges match those of the library, in the same order."
    same = next(
        (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )
    if same == len(ours) or same == len(theirs):
        return f"The first {same} merges match those of the library, but it made {len(theirs)}."
    return f"The first {same} merges match those of the library; then it merged {theirs[same]}."
