import pytest
import torch
from torch.utils.data import DataLoader

from lmlib.datasets import CharLMDataset


def decode(dataset: CharLMDataset, tokens: torch.Tensor) -> str:
    return "".join(dataset.itos[int(token)] for token in tokens)


@pytest.mark.parametrize(("length", "chunks"), [(5, 1), (8, 1), (9, 2), (12, 2), (13, 3)])
def test_chunks_follow_one_another_and_every_character_has_one_after_it(
    length: int, chunks: int
) -> None:
    text = "abcdefghijklm"[:length]
    dataset = CharLMDataset(text, seq_length=4)
    assert len(dataset) == chunks
    inputs = "".join(decode(dataset, x) for x, _ in dataset)
    targets = "".join(decode(dataset, y) for _, y in dataset)
    assert inputs == text[: 4 * chunks] and targets == text[1 : 4 * chunks + 1]
    with pytest.raises(IndexError, match=f"no chunk {chunks}"):
        dataset[chunks]


def test_tokens_are_int64_and_can_be_loaded_in_batches() -> None:
    dataset = CharLMDataset("to be or not to be, " * 9)
    x, y = next(iter(DataLoader(dataset, batch_size=3)))
    assert x.shape == y.shape == (3, 20) and x.dtype == y.dtype == torch.int64
    assert torch.equal(x[:, 1:], y[:, :-1])


def test_the_vocabulary_is_sorted_or_that_of_another_text() -> None:
    training = CharLMDataset("hello there", seq_length=2)
    assert training.vocab == " ehlort"
    assert [training.stoi[training.itos[token]] for token in range(7)] == list(range(7))
    held_out = CharLMDataset("other", seq_length=2, vocab=training.vocab)
    assert held_out.stoi == training.stoi
    with pytest.raises(ValueError, match="lacks characters of the text: 'W', 'd'"):
        CharLMDataset("World", 2, training.vocab)


def test_a_text_too_short_for_one_chunk() -> None:
    with pytest.raises(ValueError, match="need 6; the text has 5"):
        CharLMDataset("hello", seq_length=5)
