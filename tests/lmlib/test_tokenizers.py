import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib import tokenizers
from lmlib.tokenizers import CharacterTokenizer, UnknownCharacter

TOKENIZER = CharacterTokenizer("\n abc")
PAIRS = tokenizers.load("shakespeare")


@given(st.text(alphabet="\n abc"))
def test_decoding_undoes_encoding(text: str) -> None:
    indices = TOKENIZER.encode(text)
    assert indices.dtype == np.int64 and indices.shape == (len(text),)
    assert TOKENIZER.decode(indices) == text
    assert TOKENIZER.decode(indices.tolist()) == text


def test_indices_are_places_in_the_vocabulary() -> None:
    assert TOKENIZER.vocabulary == "\n abc"
    assert len(TOKENIZER) == 5
    assert TOKENIZER.encode("cab").tolist() == [4, 2, 3]


def test_an_unknown_character_is_named_with_its_position() -> None:
    with pytest.raises(UnknownCharacter, match=r"'é' at position 2 is not in .* 5 characters"):
        TOKENIZER.encode("abé")


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_outside_the_vocabulary_is_named(index: int) -> None:
    with pytest.raises(ValueError, match=rf"index {index} at position 1 .* from 0 to 4"):
        TOKENIZER.decode([0, index])


def test_a_vocabulary_has_each_character_once() -> None:
    with pytest.raises(ValueError, match="'b' more than once"):
        CharacterTokenizer("abcb")


@given(st.text())
def test_byte_pairs_bring_back_any_text(text: str) -> None:
    tokens = PAIRS.encode(text)
    assert all(type(token) is int and 0 <= token < 1024 for token in tokens)
    assert PAIRS.decode(tokens) == text
    assert PAIRS.decode(np.array(tokens, dtype=int)) == text


def test_frequent_words_are_one_token_and_rare_ones_several() -> None:
    assert len(PAIRS) == 1024
    assert len(PAIRS.encode(" the")) == 1
    assert [PAIRS.decode([token]) for token in PAIRS.encode("the question")] == [
        "the",
        " qu",
        "est",
        "ion",
    ]
    assert len(PAIRS.encode(" motherboard")) > 2


@pytest.mark.parametrize("token", [-1, 1024])
def test_a_token_outside_the_vocabulary_is_named(token: int) -> None:
    with pytest.raises(ValueError, match=rf"token {token} at position 1 .* from 0 to 1023"):
        PAIRS.decode([0, token])


def test_an_unknown_tokenizer_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no tokenizer called 'gpt2': choose one of 'shakespeare'"):
        tokenizers.load("gpt2")


def test_a_damaged_tokenizer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "PRETRAINED", tmp_path)
    (tmp_path / "shakespeare.tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(ValueError, match="is damaged .*install lmlib again"):
        tokenizers.load("shakespeare")


WORDS = {"Ġlow": 5, "Ġlower": 2, "Ġnewest": 6, "Ġwidest": 3}
MERGES = [("e", "s"), ("es", "t"), ("l", "o"), ("Ġ", "lo"), ("Ġlo", "w")]


def test_merges_are_compared_with_those_of_the_library() -> None:
    assert tokenizers.compare_merges(MERGES, WORDS, 16) == (
        "All 5 merges match those of the library, in the same order."
    )
    assert tokenizers.compare_merges([list(pair) for pair in MERGES], WORDS, 16).startswith("All 5")


@pytest.mark.parametrize(
    ("merges", "told"),
    [
        ([*MERGES[:2], ("o", "w")], "first 2 merges .*; then it merged \\('l', 'o'\\)"),
        (MERGES[:3], "first 3 merges .*, but it made 5"),
        ([*MERGES, ("x", "y")], "first 5 merges .*, but it made 5"),
    ],
)
def test_the_first_merge_that_differs_is_named(merges: list[tuple[str, str]], told: str) -> None:
    assert re.search(told, tokenizers.compare_merges(merges, WORDS, 16))
