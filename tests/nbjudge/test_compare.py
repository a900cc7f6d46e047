"""The judge's value rules: what counts as the same, and what is said of what is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbjudge.judge.comparators import difference, gap, same_evidence
from nbjudge.kernel import evidence, expect


def seen(value):
    """`value` as the judge gets it: through the wire."""
    return evidence.decode(evidence.encode(value))


def differs(comparator, observed, expected):
    return difference(comparator, seen(observed), seen(expected))


CLOSE = expect.close(rtol=1e-4)


@pytest.mark.parametrize(
    "observed",
    [2.0, np.float32(2.0), np.float64(2.0), np.array(2.0), np.array([2.0]), [2.0], (2.0,), [[2.0]]],
    ids=repr,
)
def test_a_number_may_come_in_any_shape_of_size_one(observed):
    assert differs(CLOSE, observed, 2.0) is None


def test_a_detached_or_attached_tensor_is_an_array():
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    assert differs(CLOSE, tensor, np.arange(6.0).reshape(2, 3)) is None


def test_lists_and_tuples_of_numbers_are_arrays():
    assert differs(CLOSE, [(1.0, 2.0), (3.0, 4.0)], np.array([[1.0, 2.0], [3.0, 4.0]])) is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_width_of_a_dtype_does_not_count(dtype):
    assert differs(CLOSE, np.ones(3, dtype), np.ones(3)) is None


@pytest.mark.parametrize(
    ("observed", "expected", "said"),
    [
        (np.ones(3, int), np.ones(3), "holds integers, not floats"),
        (True, 1.0, "holds truth values, not floats"),
        (np.ones((3, 1)), np.ones(3), "has the shape (3, 1), not (3,)"),
        (np.ones(4), np.ones(3), "has the shape (4,), not (3,)"),
        (np.ones(71693), np.ones(3), "has another shape, with 1 axis, not (3,)"),
        (np.ones((0, 48317)), np.ones(3), "has another shape, with 2 axes, not (3,)"),
        (None, np.ones(3), "is None, not an array of floats with shape (3,)"),
        ("text", 1.0, "is text, not a float"),
        (np.array([1.0, np.nan, 1.0]), np.ones(3), "is NaN at index [1] (1 of 3 elements differ)"),
        (np.array([1.0, 1.5]), np.ones(2), "is off by 0.5 at index [1] (1 of 2 elements differ)"),
        (np.inf, 1.0, "is infinite"),
        (object(), 1.0, "is an object of another kind, not a float"),
    ],
)
def test_what_differs_is_said(observed, expected, said):
    assert differs(CLOSE, observed, expected) == said


def test_text_is_compared_to_the_letter_and_may_be_a_list_of_characters():
    assert differs(expect.equal(), "to be", "to be") is None
    assert differs(expect.equal(), list("to be"), "to be") is None
    assert differs(expect.equal(), np.array(list("to be")), "to be") is None
    assert differs(expect.equal(), "to bo", "to be") == "differs from the right text at character 4"
    assert differs(expect.equal(), "to", "to be") == "has 2 characters, not 5"
    assert differs(expect.equal(), 5, "to be") == "is an integer, not text"


def test_equal_is_exact_for_numbers_and_containers():
    assert differs(expect.equal(), [1, 2, 3], np.array([1, 2, 3])) is None
    assert differs(expect.equal(), [1, 2, 4], [1, 2, 3]) is not None
    assert differs(expect.equal(), {"a": [1, "x"]}, {"a": [1, "x"]}) is None
    assert differs(expect.equal(), {"a": [1, "y"]}, {"a": [1, "x"]}) is not None
    assert differs(expect.equal(), None, None) is None
    assert differs(expect.equal(), False, None) is not None
    assert differs(expect.equal(), 2**60 + 1, 2**60) is not None


def test_close_goes_into_lists_and_dictionaries():
    expected = {"mean": 1.0, "rows": [np.ones(2), np.ones(3)]}
    assert differs(CLOSE, {"mean": 1.00001, "rows": [np.ones(2), np.ones(3)]}, expected) is None
    wrong = differs(CLOSE, {"mean": 1.0, "rows": [np.ones(2), np.zeros(3)]}, expected)
    assert wrong is not None and wrong.startswith("under 'rows' in item 1 is off by 1")


@pytest.mark.parametrize("wrong", [7.0, -np.inf, np.nan, 0.0])
def test_an_infinity_equals_itself_only(wrong):
    masked = np.array([0.0, np.inf])
    assert differs(CLOSE, masked, masked) is None
    assert differs(CLOSE, np.array([0.0, wrong]), masked) is not None
    assert differs(CLOSE, masked, np.array([0.0, 7.0])) is not None


KINDS = [None, "text", 1.5, np.ones(2), ["a", "b"], [np.ones(2)], {"a": 1.0}, {"a": "x"}, object()]


@pytest.mark.parametrize(
    "comparator", [expect.equal(), CLOSE, expect.subset("ab"), expect.at_most(1.0)]
)
def test_any_two_kinds_can_be_compared(comparator):
    for one in map(seen, KINDS):
        for other in map(seen, KINDS):
            difference(comparator, one, other)
            same_evidence(comparator, one, other)


def test_a_list_of_texts_is_compared():
    assert differs(expect.equal(), ["to", "be"], ["to", "be"]) is None
    for wrong in (None, "to be", ["to"], ["to", "bee"], np.ones(2), {"to": "be"}):
        assert differs(expect.equal(), wrong, ["to", "be"]) is not None


def test_subset_wants_something_and_nothing_else():
    assert differs(expect.subset("ab"), "abba", None) is None
    assert differs(expect.subset("ab"), list("abba"), None) is None
    assert differs(expect.subset([1, 2]), np.array([1, 1]), None) is None
    assert differs(expect.subset("ab"), "", None) == "is empty"
    assert differs(expect.subset("ab"), "abc", None) == "has 1 of 3 elements that cannot occur"
    assert differs(expect.subset("ab"), None, None) is not None
    assert differs(expect.subset("ab"), [["a"]], None) is not None


def test_at_most_is_a_bound_on_a_number():
    assert differs(expect.at_most(2.0), 1.5, None) is None
    assert differs(expect.at_most(2.0), 2.5, None) == "is 2.5, too large"
    assert differs(expect.at_most(2.0), np.nan, None) == "is NaN"
    assert differs(expect.at_most(2.0), [1.0, 1.0], None) is not None
    assert differs(expect.at_most(2.0), -np.inf, None) == "is infinite"
    assert differs(expect.at_most(2.0), True, None) is not None


P = np.array([0.5, 0.3, 0.2, 0.0])


def counts(p, draws, seed):
    return np.random.default_rng(seed).multinomial(draws, p)


def test_a_right_sampler_keeps_within_the_frequency_bound():
    expected = counts(P, 2000, 0)
    missed = sum(
        differs(expect.frequencies(P), counts(P, 2000, seed), expected) is not None
        for seed in range(2000)
    )
    assert missed == 0


@pytest.mark.parametrize(
    "observed",
    [
        counts([0.25, 0.25, 0.25, 0.25], 2000, 1),
        counts([0.4, 0.4, 0.2, 0.0], 2000, 1),
        np.array([2000, 0, 0, 0]),
        np.array([1000, 600, 399, 1]),  # one draw of what cannot occur
        np.array([10, 6, 4, 0]),  # right shares, too few draws
        np.zeros(4, int),
        np.array([1000.0, 600.0, np.nan, 0.0]),
        np.array([1000, 600, -5, 405]),
        None,
    ],
    ids=repr,
)
def test_a_wrong_sampler_does_not(observed):
    assert differs(expect.frequencies(P), observed, counts(P, 2000, 0)) is not None


def test_draws_show_the_same_if_they_may_come_from_one_distribution():
    uniform = [0.25, 0.25, 0.25, 0.25]
    comparator = expect.frequencies(P)
    assert same_evidence(comparator, seen(counts(uniform, 2000, 1)), seen(counts(uniform, 2000, 2)))
    assert not same_evidence(comparator, seen(counts(uniform, 2000, 1)), seen(counts(P, 2000, 2)))
    assert not same_evidence(comparator, seen(counts(uniform, 2000, 1)), seen(counts(P, 1, 2)))


def test_properties_show_the_same_if_both_lack_them():
    assert same_evidence(expect.subset("ab"), "xyz", "abx")
    assert not same_evidence(expect.subset("ab"), "ab", "abx")
    assert not same_evidence(expect.at_most(1.0), seen(None), seen(5.0))


def test_nothing_comparable_shows_the_same_only_if_it_is_the_same():
    assert same_evidence(CLOSE, None, None)
    assert not same_evidence(CLOSE, None, "text")
    assert same_evidence(CLOSE, seen(np.array([np.nan])), seen(np.array([np.nan])))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_gap_is_measured_in_tolerances(one, other):
    comparator = expect.close(rtol=0.0, atol=0.5)
    assert gap(comparator, seen(one), seen(other)) == pytest.approx(abs(one - other) / 0.5)
    matches = difference(comparator, seen(one), seen(other)) is None
    assert matches == (gap(comparator, seen(one), seen(other)) <= 1)


def test_the_gap_goes_into_lists_and_dictionaries():
    comparator = expect.close(rtol=0.0, atol=0.5)
    assert gap(comparator, [seen(1.0), seen(3.0)], [seen(1.0), seen(2.0)]) == 2
    assert gap(comparator, {"a": seen(1.0)}, {"a": seen(2.0)}) == 2
    assert gap(comparator, [seen(1.0)], [seen(1.0), seen(2.0)]) == np.inf
    assert gap(comparator, {"b": seen(1.0)}, {"a": seen(2.0)}) == np.inf


def test_a_comparator_that_could_never_fail_is_refused():
    with pytest.raises(ValueError, match="positive"):
        expect.close(rtol=0.0)
    with pytest.raises(ValueError, match="sum to one"):
        expect.frequencies([0.5, 0.6])
