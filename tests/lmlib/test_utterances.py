"""Sentences as tokens, and batches of them."""

import itertools

import pytest
import torch

from lmlib import batches, utterances


def test_a_sentence_there_and_back() -> None:
    tokens = utterances.encode("IT'S A Z")
    assert tokens[0] == utterances.SOS and tokens[-1] == utterances.EOS
    assert utterances.decode(tokens) == "IT'S A Z"
    assert utterances.decode(torch.tensor(tokens)) == "IT'S A Z"
    assert len(utterances.SYMBOLS) == 31


def test_characters_without_a_symbol_are_named() -> None:
    with pytest.raises(ValueError, match="'a', 'é'"):
        utterances.encode("CaFé")


def test_shorter_sentences_are_padded() -> None:
    found = batches.padded([utterances.encode(line) for line in ("HI", "A")])
    assert found.tolist() == [[1, 10, 11, 2], [1, 3, 2, 0]]


def test_every_sentence_comes_once_round_and_neighbours_are_of_like_length() -> None:
    lines = ["A" * length for length in range(1, 41)]
    found = list(itertools.islice(batches.sentence_batches(lines, batch_size=4), 10))
    lengths = [(batch > utterances.EOS).sum(dim=1).tolist() for batch in found]
    assert sorted(itertools.chain(*lengths)) == list(range(1, 41))
    assert max(max(batch) - min(batch) for batch in lengths) <= 4


def test_the_order_follows_the_generator() -> None:
    lines = ["A" * length for length in range(1, 41)]

    def first(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return next(batches.sentence_batches(lines, 4, generator))

    assert torch.equal(first(1), first(1))
    assert any(not torch.equal(first(1), first(seed)) for seed in range(2, 8))


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(ValueError, match="A batch needs 4 sentences; there are 1"):
        next(batches.sentence_batches(["HI"], 4))
