"""The power of tests of random code: the computed chance bounds the one that draws show."""

import numpy as np
import pytest
from test_judge import expectation

from nbjudge.authoring import drawing
from nbjudge.core.errors import CourseError
from nbjudge.judge.answer_key import CellKey
from nbjudge.judge.comparators import comparator
from nbjudge.kernel import expect

P = np.array([0.6, 0.2, 0.1, 0.06, 0.03, 0.01])


def cell(*counted):
    """A cell with counts of draws from some distributions: (p, draws) for each."""
    return CellKey(
        "cell",
        4,
        tuple(
            expectation(f"draws {n}", np.round(p * draws), expect.frequencies(p))
            for n, (p, draws) in enumerate(counted)
        ),
    )


@pytest.mark.parametrize("slip", drawing.SLIPS)
@pytest.mark.parametrize("draws", [50, 400, 1500])
def test_the_chance_bounds_what_draws_show(slip, draws):
    q = drawing.SLIPS[slip](P)
    q = q / q.sum()
    bound = drawing.chance_to_pass(P, q, draws)
    rule = comparator(expect.frequencies(P))
    counts = np.random.default_rng(5).multinomial(draws, q, size=500)
    right = np.full(1, draws)  # only its sum counts
    passed = np.mean([rule.difference(row, right) is None for row in counts])
    assert passed <= bound + 0.05
    if bound < 0.5:
        assert bound < drawing.chance_to_pass(P, q, draws // 2)


def test_right_draws_pass():
    assert drawing.chance_to_pass(P, P, 1000) == pytest.approx(1, abs=1e-5)


def test_weak_counts_are_refused_and_enough_draws_are_not():
    with pytest.raises(CourseError, match="counts in cell are too weak: who draws at temperature"):
        drawing.check_power([cell((P, 300))])
    drawing.check_power([cell((P, 20_000))])


def test_another_count_of_the_cell_may_be_the_one_that_sees_it():
    flat = np.ones(6) / 6
    assert set(drawing.chances(cell((flat, 100)))) == {"from the five likeliest only"}
    drawing.check_power([cell((P, 300), (P, 20_000))])


def test_counts_of_groups_show_what_a_slip_does_to_the_outcomes():
    p = np.append(0.7, np.full(300, 0.3 / 300))
    groups = np.minimum(np.arange(301), 1)
    rule = expect.frequencies(p, groups)
    grouped = CellKey("cell", 4, (expectation("a", np.array([700, 300]), rule),))
    assert drawing.chances(grouped)["at temperature 0.8"] < 1e-20
    assert comparator(rule).difference(np.array([703, 297]), np.array([700, 300])) is None
    assert comparator(rule).difference(np.array([850, 150]), np.array([700, 300]))


def test_a_coin_has_no_temperature():
    assert drawing.chances(cell((np.array([0.9, 0.1]), 100))) == {}
