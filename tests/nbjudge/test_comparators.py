"""The judge's comparators: what matches, what is said of what does not, and what each must know.

Which values are the same is the table of tests/test_values.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbjudge.judge import comparators
from nbjudge.judge.comparators import Comparator, comparator
from nbjudge.kernel import evidence, expect


def seen(value):
    """`value` as the judge gets it: through the wire."""
    return evidence.decode(evidence.encode(value))


def differs(data, observed, expected):
    return comparator(data).difference(seen(observed), seen(expected))


def same_evidence(data, one, other):
    return comparator(data).same_evidence(one, other)


def gap(data, observed, expected):
    return comparator(data).gap(observed, expected)


CLOSE = expect.close(rtol=1e-4)


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
        (np.array([1.0, np.nan, 1.0]), np.ones(3), "is NaN at index [1] (one element differs)"),
        (
            np.array([1.0, 1.5]),
            np.ones(2),
            "is off by about 0.5 at index [1] (one element differs)",
        ),
        (np.inf, 1.0, "is infinite"),
        (object(), 1.0, "is an object of another kind, not a float"),
    ],
)
def test_what_differs_is_said(observed, expected, said):
    assert differs(CLOSE, observed, expected) == said


def test_what_differs_in_a_text_is_said():
    assert differs(expect.equal(), "to bo", "to be") == "differs from the right text at character 4"
    assert differs(expect.equal(), "to", "to be") == "has too few characters: 5 are expected"
    assert differs(expect.equal(), 5, "to be") == "is an integer, not text"


def test_of_a_list_or_a_dict_equal_says_only_that_it_differs():
    wrongs = ({"a": [1, "y"]}, {"a": [1]}, {"b": [1, "x"]}, {"a": 1})
    for wrong in wrongs:
        assert differs(expect.equal(), wrong, {"a": [1, "x"]}) == "is not the expected value"
    assert differs(expect.equal(), None, {"a": 1}) == "is None, not a dictionary"


def test_close_goes_into_lists_and_dictionaries():
    expected = {"mean": 1.0, "rows": [np.ones(2), np.ones(3)]}
    assert differs(CLOSE, {"mean": 1.00001, "rows": [np.ones(2), np.ones(3)]}, expected) is None
    wrong = differs(CLOSE, {"mean": 1.0, "rows": [np.ones(2), np.zeros(3)]}, expected)
    assert wrong is not None and wrong.startswith("under 'rows' in item 1 is off by about 1")


KINDS = [None, "text", 1.5, np.ones(2), ["a", "b"], [np.ones(2)], {"a": 1.0}, {"a": "x"}, object()]


@pytest.mark.parametrize("data", [expect.equal(), CLOSE, expect.subset("ab"), expect.at_most(1.0)])
def test_any_two_kinds_can_be_compared(data):
    for one in map(seen, KINDS):
        for other in map(seen, KINDS):
            comparator(data).difference(one, other)
            same_evidence(data, one, other)


def test_subset_wants_something_and_nothing_else():
    assert differs(expect.subset("ab"), "abba", None) is None
    assert differs(expect.subset("ab"), list("abba"), None) is None
    assert differs(expect.subset([1, 2]), np.array([1, 1]), None) is None
    assert differs(expect.subset("ab"), "", None) == "is empty"
    assert differs(expect.subset("ab"), "abc", None) == "has one element that cannot occur"
    assert differs(expect.subset("ab"), None, None) is not None
    assert differs(expect.subset("ab"), [["a"]], None) is not None


def test_at_most_is_a_bound_on_a_number():
    assert differs(expect.at_most(2.0), 1.5, None) is None
    assert differs(expect.at_most(2.0), 2.5, None) == "is too large"
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
    bound = expect.frequencies(P)
    assert same_evidence(bound, seen(counts(uniform, 2000, 1)), seen(counts(uniform, 2000, 2)))
    assert not same_evidence(bound, seen(counts(uniform, 2000, 1)), seen(counts(P, 2000, 2)))
    assert not same_evidence(bound, seen(counts(uniform, 2000, 1)), seen(counts(P, 1, 2)))


def test_properties_show_the_same_if_both_lack_them():
    assert same_evidence(expect.subset("ab"), "xyz", "abx")
    assert not same_evidence(expect.subset("ab"), "ab", "abx")
    assert not same_evidence(expect.at_most(1.0), seen(None), seen(5.0))


def test_nothing_comparable_shows_the_same_only_if_it_is_the_same():
    assert same_evidence(CLOSE, None, None)
    assert not same_evidence(CLOSE, None, "text")
    assert same_evidence(CLOSE, seen(np.array([np.nan])), seen(np.array([np.nan])))
    assert same_evidence(expect.equal(), seen([np.nan, 1.0]), seen([np.nan, 1.0]))


@pytest.mark.parametrize("data", [expect.equal(), CLOSE], ids=str)
def test_two_objects_show_the_same_if_their_types_have_one_name_but_never_match(data):
    assert same_evidence(data, seen([object(), 1.0]), seen([object(), 1.0]))
    assert not same_evidence(data, seen([object(), 1.0]), seen([{1}, 1.0]))
    assert differs(data, [object(), 1.0], [object(), 1.0]) is not None


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_gap_is_measured_in_tolerances(one, other):
    half = expect.close(rtol=0.0, atol=0.5)
    assert gap(half, seen(one), seen(other)) == pytest.approx(abs(one - other) / 0.5)
    matches = differs(half, one, other) is None
    assert matches == (gap(half, seen(one), seen(other)) <= 1)


def test_the_gap_goes_into_lists_and_dictionaries():
    half = expect.close(rtol=0.0, atol=0.5)
    assert gap(half, [seen(1.0), seen(3.0)], [seen(1.0), seen(2.0)]) == 2
    assert gap(half, {"a": seen(1.0)}, {"a": seen(2.0)}) == 2
    assert gap(half, [seen(1.0)], [seen(1.0), seen(2.0)]) == np.inf
    assert gap(half, {"b": seen(1.0)}, {"a": seen(2.0)}) == np.inf


def test_a_comparator_that_could_never_fail_is_refused():
    with pytest.raises(ValueError, match="positive"):
        expect.close(rtol=0.0)
    with pytest.raises(ValueError, match="sum to one"):
        expect.frequencies([0.5, 0.6])


DATA = [
    expect.equal(),
    CLOSE,
    expect.subset("ab"),
    expect.frequencies(P),
    expect.at_most(7.0),
]


def test_every_word_of_a_key_region_has_its_class():
    assert {data["kind"] for data in DATA} == set(comparators.CLASSES)


def test_only_close_has_a_tolerance():
    counted = seen(np.array([1000, 600, 400, 0]))
    gaps = {data["kind"]: gap(data, counted, counted) for data in DATA}
    assert gaps == dict.fromkeys(("equal", "subset", "frequencies", "at_most")) | {"close": 0.0}


def trivial(data, expected):
    return [comparator(data).trivial(seen(expected), filling) for filling in (0, 1)]


@pytest.mark.parametrize("data", DATA, ids=str)
def test_answers_without_content_have_the_form_of_the_right_one(data):
    zeros, ones = trivial(data, np.array([1000, 600, 400, 0]))
    assert zeros.shape == ones.shape == (4,) and not zeros.any() and ones.all()


def test_answers_without_content_pass_no_comparator_that_asks_for_some():
    right = {"equal": "to be", "close": np.array([2.0, 3.0]), "subset": "abba",
             "frequencies": counts(P, 2000, 0)}  # fmt: skip
    for data in (data for data in DATA if data["kind"] in right):
        expected = right[data["kind"]]
        assert differs(data, expected, expected) is None
        for empty in trivial(data, expected):
            assert comparator(data).difference(empty, seen(expected)) is not None
    assert trivial(expect.equal(), "to be") == ["", " " * 5]
    assert trivial(expect.equal(), ["to", "be"]) == [None, None]
    uniform = trivial(expect.frequencies(P), np.array([1000, 600, 400, 0]))[1]
    assert uniform.tolist() == [500.0] * 4


def test_a_class_that_lacks_something_is_refused_when_it_is_defined():
    with pytest.raises(
        TypeError, match="^The comparator Longer lacks gap, same_evidence, tells, trivial.$"
    ):

        class Longer(Comparator, kind="longer"):
            def difference(self, observed, expected):
                return None

    with pytest.raises(ValueError, match="no comparator 'longer'"):
        comparator({"kind": "longer"})


@pytest.mark.parametrize("head", [{}, {"kind": "equal"}], ids=["no kind", "a kind of another"])
def test_a_class_needs_a_kind_of_its_own(head):
    methods = {name: lambda *_: None for name in Comparator.__abstractmethods__}
    with pytest.raises(
        TypeError, match="^The comparator Other needs a kind that no other one has.$"
    ):
        type("Other", (Comparator,), methods, **head)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"kind": "clsoe", "rtol": 1e-4},
            "there is no comparator 'clsoe'; there are at_most, close,",
        ),
        ({}, "there is no comparator None; there are at_most"),
        ("close", "a comparator is made by a call such as equal\\(\\), and 'close' is none"),
        ({"kind": "close"}, "the comparator 'close' cannot be made of nothing"),
        ({"kind": "equal", "rtol": 1.0}, "the comparator 'equal' cannot be made of rtol"),
    ],
    ids=repr,
)
def test_what_is_no_comparator_is_said_in_a_sentence(data, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        comparator(data)
