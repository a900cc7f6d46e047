"""Item statistics: as pandas has them, and in cases that one can reckon by hand."""

import math
import statistics

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nbjudge.pages.item_analysis import analyse, correlation, far_below_usual, standardised

QUARTERS = st.integers(0, 20).map(lambda number: number / 4)
SCORES = st.tuples(st.integers(3, 30), st.integers(2, 6)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=QUARTERS)
)


def by_pandas(scores, extra):
    """Corrected item-total correlations (questions,), the way one does it in pandas."""
    table = pandas.DataFrame(scores)
    complete = [name for name in table if not extra[name] and table[name].notna().all()]
    found = []
    for name in table:
        rest = table[[other for other in complete if other != name]]
        found.append(table[name].corr(rest.sum(axis=1)) if rest.shape[1] else math.nan)
    return found


@given(SCORES, st.data())
def test_the_statistics_are_those_of_pandas(scores, data):
    questions = scores.shape[1]
    extra = data.draw(st.lists(st.booleans(), min_size=questions, max_size=questions))
    unknown = data.draw(arrays(np.bool_, scores.shape[0]))
    scores[unknown, 0] = np.nan  # what a person has still to grade for some
    points = [5.0] * questions
    table = pandas.DataFrame(scores)
    found = analyse(scores, points, extra)
    for place, (item, expected) in enumerate(zip(found, by_pandas(scores, extra), strict=True)):
        column = table[place]
        assert item.graded == column.count()
        if not item.graded:
            assert item.mean is item.difficulty is item.discrimination is None
            continue
        assert item.mean == pytest.approx(column.mean())
        assert item.difficulty == pytest.approx((column / 5).mean())
        assert item.full == (column == 5).sum() and item.none == (column == 0).sum()
        assert item.full + item.part + item.none == item.graded
        is_told = item.discrimination is not None
        if is_told:
            assert item.discrimination == pytest.approx(expected, abs=1e-9)
        elif item.graded >= 3:  # pandas gives nan, or what rounding leaves of a constant
            rest = scores[~np.isnan(column)][:, [p for p in range(questions) if p != place]]
            assert math.isnan(expected) or np.ptp(column.dropna()) == 0 or rest.size == 0


def test_a_class_reckoned_by_hand():
    scores = np.array([[4, 2, 1.0], [4, 1, 0], [0, 1, 0], [0, 0, 1]])
    first, second, third = analyse(scores, [4, 2, 1], [False] * 3)
    assert (first.mean, first.difficulty) == (2, 0.5)
    assert (first.full, first.part, first.none) == (2, 0, 2)
    # with the rest 3, 1, 1, 1 the deviations are 1.5, -.5, -.5, -.5 against 2, 2, -2, -2
    assert first.discrimination == pytest.approx(4 / math.sqrt(3 * 16))
    assert (second.full, second.part, second.none) == (1, 2, 1)
    assert third.discrimination == pytest.approx(0)


def test_a_question_is_not_compared_with_itself():
    noise = np.random.default_rng(0).normal(size=(2000, 2))
    found = analyse(noise, [1, 1], [False, False])
    assert all(abs(item.discrimination) < 0.1 for item in found)  # with itself: 0.7


def test_extra_credit_belongs_to_no_total():
    scores = np.array([[1, 0, 9.0], [2, 1, 0], [3, 2, 0], [4, 3, 0]])
    first, _, extra = analyse(scores, [4, 3, 9], [False, False, True])
    assert first.discrimination == pytest.approx(1)
    assert extra.discrimination == pytest.approx(statistics.correlation([9, 0, 0, 0], [1, 3, 5, 7]))


@pytest.mark.parametrize("scores", [np.zeros((0, 2)), np.ones((1, 2)), np.ones((9, 2))])
def test_too_little_to_correlate_is_no_number(scores):
    assert [item.discrimination for item in analyse(scores, [1, 1], [False, False])] == [None] * 2


def test_one_question_alone_discriminates_from_nothing():
    (item,) = analyse(np.arange(9.0)[:, None], [8], [False])
    assert item.discrimination is None and item.difficulty == 0.5


def test_a_large_offset_does_not_hide_a_correlation():
    x = np.random.default_rng(1).normal(size=50)
    y = x + np.random.default_rng(2).normal(size=50)
    assert correlation(1e6 + x, y) == pytest.approx(pandas.Series(x).corr(pandas.Series(y)))
    assert correlation(np.full(50, 0.1), y) is None


def test_standardised_as_the_statistics_module_has_it():
    totals = {str(number): number**1.5 for number in range(12)}
    mean, spread = statistics.fmean(totals.values()), statistics.stdev(totals.values())
    found = standardised(totals)
    assert found == pytest.approx({name: (t - mean) / spread for name, t in totals.items()})
    assert standardised(dict.fromkeys("abcdef", 3.0)) == {}
    assert standardised({"a": 1.0, "b": 2.0}) == {}


def invented_totals():
    """Forty students of very different strength, each much the same in three problem sets."""
    generator = np.random.default_rng(3)
    strength = np.linspace(2, 18, 40)
    return {
        name: {f"s{i:02}": float(strength[i] + generator.normal(0, 0.5)) for i in range(40)}
        for name in ("ps1", "ps2", "ps3")
    }


def test_only_who_falls_far_below_their_own_usual_is_named():
    totals = invented_totals()
    assert all(far_below_usual(totals, name) == [] for name in totals)  # the weakest are as ever
    totals["ps3"]["s35"], totals["ps3"]["s30"] = 3.0, 1.0
    drops = far_below_usual(totals, "ps3")
    assert {drop.student for drop in drops} == {"s30", "s35"}
    assert drops[0].below >= drops[1].below >= 1.5
    assert all(drop.usual > 0 > drop.here for drop in drops)
    assert far_below_usual(totals, "ps1") == []


def test_one_other_problem_set_is_no_usual():
    totals = invented_totals()
    totals["ps3"]["s35"] = 3.0
    del totals["ps1"]
    assert far_below_usual(totals, "ps3") == []
    assert far_below_usual(totals, "ps9") == []
