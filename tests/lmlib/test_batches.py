import pytest
import torch

from lmlib import batches


def test_split_cuts_by_position() -> None:
    beginning, rest = batches.split(torch.arange(10), share=0.75)
    assert beginning.tolist() == list(range(7)) and rest.tolist() == [7, 8, 9]


def test_windows_are_followed_by_their_targets() -> None:
    tokens = torch.arange(100, 150)
    x, y = batches.random_windows(tokens, 6, 2_000)
    assert x.shape == y.shape == (2_000, 6)
    assert (x[:, 1:] == y[:, :-1]).all() and (y == x + 1).all()
    assert x[:, 0].min() == 100 and y[:, -1].max() == 149  # the first and the last place occur
    assert x.dtype == y.dtype == tokens.dtype


def test_a_generator_makes_windows_repeatable() -> None:
    def windows(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return batches.random_windows(torch.arange(90), 3, 5, generator)[0]

    assert windows(1).equal(windows(1)) and not windows(1).equal(windows(2))


def test_a_text_that_is_just_long_enough_and_one_that_is_not() -> None:
    x, y = batches.random_windows(torch.arange(5), 4, 3)
    assert x.tolist() == 3 * [[0, 1, 2, 3]] and y.tolist() == 3 * [[1, 2, 3, 4]]
    with pytest.raises(ValueError, match="need 6 tokens; there are 5: choose a smaller window"):
        batches.random_windows(torch.arange(5), 5, 3)
