"""N-grams: what they count, and the probabilities that follow."""

import numpy as np
import pytest

from scorers.ngrams import ORDER, NGrams
from scorers.test_set import TestSet


def test_n_grams_are_counted() -> None:
    tokens = np.array([3, 4, 3, 4, 5], dtype=np.uint8)
    grams = NGrams(tokens)
    assert grams.counts(np.array([[3, 4], [4, 3], [4, 4]])).tolist() == [2, 1, 0]
    assert grams.counts(np.array([[30] * ORDER])).tolist() == [0]


def test_what_follows_is_counted() -> None:
    follow = NGrams(np.array([3, 4, 3, 4, 5])).followers(np.array([[4], [5]]))
    assert follow.shape == (2, 31)
    assert {int(i): int(follow[0, i]) for i in follow[0].nonzero()[0]} == {3: 1, 5: 1}
    assert follow[1].sum() == 0 or follow[1, 0] == 1  # nothing but what fills up the end


def test_probabilities_are_those_of_witten_and_bell() -> None:
    grams = NGrams(np.array([3, 4, 3, 4, 5], dtype=np.uint8))
    beginning = np.array([[9] * ORDER + [3, 4]])
    [[found]] = np.exp(grams.log_probabilities(beginning, np.array([[5]])))
    first = (1 + 3 / 31) / (5 + 3)  # 5 comes once in five symbols of three kinds
    second = (1 + 2 * first) / (2 + 2)  # after 4 come 3 and 5
    third = (1 + 2 * second) / (2 + 2)  # and so they do after 3 4
    special = 3 * (3 / 31) / 8 * (2 / 4) * (2 / 4)  # none occurs; this is left for them
    assert found == pytest.approx(third / (1 - special))


@pytest.mark.parametrize("order", [1, 2, 5, 12])
def test_probabilities_of_every_order_sum_to_one(held: TestSet, order: int) -> None:
    grams = NGrams(held.judge_text[:50_000], order)
    assert grams.probabilities(held.contexts[:9]).sum(axis=-1) == pytest.approx(1)
    longer = list(NGrams(held.judge_text[:50_000], 12).of_each_order(held.contexts[:9]))
    assert grams.probabilities(held.contexts[:9]) == pytest.approx(longer[order - 1])


def test_ordinary_symbols_share_the_probability_of_what_is_added(held: TestSet) -> None:
    grams = NGrams(held.judge_text)
    beginnings = np.repeat(held.beginnings[:1], 28, axis=0)
    log_p = grams.log_probabilities(beginnings, np.arange(3, 31)[:, None])
    assert np.exp(log_p).sum() == pytest.approx(1)


def test_what_really_follows_is_likelier_than_what_follows_another(held: TestSet) -> None:
    grams = NGrams(held.judge_text)
    true, other, letters = (
        -grams.log_probabilities(held.beginnings, added).mean()
        for added in (
            held.beginnings_follow,
            np.roll(held.beginnings_follow, 1, axis=0),
            np.full_like(held.beginnings_follow, 5),
        )
    )
    assert true + 0.5 < other < letters
