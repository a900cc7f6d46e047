import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib.tokenizers import CharacterTokenizer, UnknownCharacter

TOKENIZER = CharacterTokenizer("\n abc")


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
