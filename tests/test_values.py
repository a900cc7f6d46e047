"""The rule of values, row by row, and each row on both sides: in a check and under the judge."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib import checks
from nbjudge.judge.comparators import comparator
from nbjudge.kernel import expect
from nbjudge.kernel.evidence import Opaque, decode, encode
from nbjudge.shared import values

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[1]
SAME, DIFFERENT = True, False
EXACT, LOOSE = None, {"rtol": 1e-4, "atol": 1e-6}

TABLE = [
    # Kinds: truth values, integers and floats are three; their width does not count.
    (3, 3, EXACT, SAME),
    (3, 4, EXACT, DIFFERENT),
    (3.0, 3, EXACT, DIFFERENT),
    (3, 3.0, EXACT, DIFFERENT),
    (3, 3.0, LOOSE, DIFFERENT),
    (np.zeros(2), np.zeros(2, int), LOOSE, DIFFERENT),
    (np.zeros(2, int), np.zeros(2), LOOSE, DIFFERENT),
    (np.zeros(2, np.uint8), np.zeros(2, int), EXACT, SAME),
    (np.float32(0.5), 0.5, EXACT, SAME),
    (np.float16(0.5), 0.5, LOOSE, SAME),
    (np.float32(0.1), 0.1, EXACT, DIFFERENT),
    (np.float32(0.1), 0.1, LOOSE, SAME),
    (np.int32(3), 3, EXACT, SAME),
    (True, True, EXACT, SAME),
    (np.bool_(True), True, EXACT, SAME),
    (False, True, EXACT, DIFFERENT),
    (True, 1, EXACT, DIFFERENT),
    (1, True, EXACT, DIFFERENT),
    (True, 1.0, LOOSE, DIFFERENT),
    ([True, False], np.array([True, False]), EXACT, SAME),
    ([True, 0], [1, 0], EXACT, SAME),  # Python's own rule: they are integers together
    ([1, 2.5], [1.0, 2.5], EXACT, SAME),
    (2**60 + 1, 2**60, EXACT, DIFFERENT),
    (2**60 + 1, 2**60, LOOSE, SAME),
    (10**30, 10**30, EXACT, DIFFERENT),  # an integer that no array holds
    (1 + 2j, 1 + 2j, EXACT, DIFFERENT),
    # Shapes: all arrays of a single number are alike, all others exact.
    (np.array(2.0), 2.0, EXACT, SAME),
    (np.array([2.0]), 2.0, EXACT, SAME),
    (np.array([[2.0]]), 2.0, EXACT, SAME),
    (2.0, np.array([2.0]), EXACT, SAME),
    ([[2.0]], np.array([2.0]), LOOSE, SAME),
    ((2.0,), 2.0, LOOSE, SAME),
    ([2.0, 2.0], 2.0, LOOSE, DIFFERENT),
    (2.0, [2.0, 2.0], LOOSE, DIFFERENT),
    (np.ones((3, 1)), np.ones(3), LOOSE, DIFFERENT),
    (np.ones((1, 3)), np.ones(3), LOOSE, DIFFERENT),
    (np.ones((2, 3)), np.ones((3, 2)), LOOSE, DIFFERENT),
    (np.zeros(0), np.zeros(0), EXACT, SAME),
    (np.zeros((0, 3)), np.zeros((0, 3)), EXACT, SAME),
    (np.zeros((0, 3)), np.zeros((3, 0)), EXACT, DIFFERENT),
    (np.zeros(0), np.zeros(0, int), EXACT, DIFFERENT),
    (np.zeros(0), 0.0, EXACT, DIFFERENT),
    # Lists and tuples of numbers are arrays, unless their rows differ in length.
    ([1, 2, 3], np.array([1, 2, 3]), EXACT, SAME),
    ((1, 2, 3), [1, 2, 3], EXACT, SAME),
    ([1, 2, 4], [1, 2, 3], EXACT, DIFFERENT),
    ([(1.0, 2.0), (3.0, 4.0)], np.array([[1.0, 2.0], [3.0, 4.0]]), LOOSE, SAME),
    ([np.ones(2), [1.0, 1.0]], np.ones((2, 2)), EXACT, SAME),
    ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0]], EXACT, SAME),
    ([[1.0], [1.0, 2.5]], [[1.0], [1.0, 2.0]], LOOSE, DIFFERENT),
    ([[1], [1, 2]], [[1.0], [1.0, 2.0]], EXACT, DIFFERENT),
    ([[1.0], [1.0, 2.0]], np.ones((2, 2)), LOOSE, DIFFERENT),
    (np.ones((2, 2)), [[1.0], [1.0, 2.0]], LOOSE, DIFFERENT),
    ([], [], EXACT, SAME),
    ((), [], EXACT, SAME),
    ([], [[]], EXACT, DIFFERENT),
    ([], np.zeros(0), EXACT, DIFFERENT),  # an empty list holds numbers of no kind
    (np.zeros(0), [], EXACT, DIFFERENT),
    (np.ma.array([1.0, 2.0], mask=[True, False]), [1.0, 2.0], EXACT, SAME),
    (range(3), [0, 1, 2], EXACT, DIFFERENT),
    ({1, 2}, {1, 2}, EXACT, DIFFERENT),  # nothing but the name of such a type is on the wire
    # Tensors are arrays, cut off from their gradients.
    (torch.ones(2), np.ones(2), EXACT, SAME),
    (torch.ones(2, requires_grad=True), np.ones(2), EXACT, SAME),
    (torch.ones(2, requires_grad=True) * 3, [3.0, 3.0], LOOSE, SAME),
    (torch.nn.Parameter(torch.ones(2)), [1.0, 1.0], EXACT, SAME),
    ([1.0, 1.0], torch.nn.Parameter(torch.ones(2)), EXACT, SAME),
    (torch.tensor(2.0, requires_grad=True), 2.0, EXACT, SAME),
    (torch.tensor([2]), 2, EXACT, SAME),
    (torch.ones(2, dtype=torch.long), np.ones(2), LOOSE, DIFFERENT),
    (torch.ones(2) > 0, [True, True], EXACT, SAME),
    ([torch.tensor(1.0), torch.tensor(2.0)], [1.0, 2.0], EXACT, SAME),
    ([torch.tensor(1.0, requires_grad=True), 2.0], [1.0, 2.0], EXACT, SAME),
    ((torch.ones(3, requires_grad=True), torch.ones(3)), np.ones((2, 3)), EXACT, SAME),
    ({"w": torch.ones(2, requires_grad=True)}, {"w": [1.0, 1.0]}, LOOSE, SAME),
    (torch.ones(2, dtype=torch.bfloat16), np.ones(2), LOOSE, DIFFERENT),  # NumPy has no such kind
    # Precision: atol + rtol · |expected|; NaN and the infinities are the same as themselves only.
    (100.009, 100.0, LOOSE, SAME),
    (100.02, 100.0, LOOSE, DIFFERENT),
    (5e-7, 0.0, LOOSE, SAME),
    (2e-6, 0.0, LOOSE, DIFFERENT),
    (100.0000001, 100.0, EXACT, DIFFERENT),
    (-0.0, 0.0, EXACT, SAME),
    (float("nan"), float("nan"), EXACT, SAME),
    (np.nan, np.nan, LOOSE, SAME),
    ([np.nan, 1.0], [np.nan, 1.0], LOOSE, SAME),
    (np.nan, 0.0, LOOSE, DIFFERENT),
    (0.0, np.nan, LOOSE, DIFFERENT),
    (np.inf, np.nan, LOOSE, DIFFERENT),
    (np.inf, np.inf, EXACT, SAME),
    ([0.0, -np.inf], [0.0, -np.inf], LOOSE, SAME),
    (-np.inf, np.inf, LOOSE, DIFFERENT),
    (7.0, np.inf, LOOSE, DIFFERENT),
    (np.inf, 7.0, LOOSE, DIFFERENT),
    (np.nan, np.inf, LOOSE, DIFFERENT),
    # Texts are compared to the letter; a list of characters is as good, if a text is expected.
    ("to be", "to be", EXACT, SAME),
    ("to be", "to be", LOOSE, SAME),
    ("to bo", "to be", EXACT, DIFFERENT),
    ("to be ", "to be", EXACT, DIFFERENT),
    (np.str_("to be"), "to be", EXACT, SAME),
    (list("to be"), "to be", EXACT, SAME),
    (tuple("to be"), "to be", EXACT, SAME),
    (np.array(list("to be")), "to be", EXACT, SAME),
    (["to", " be"], "to be", EXACT, SAME),
    (list("to bo"), "to be", EXACT, DIFFERENT),
    ([], "", EXACT, SAME),
    ("", "", EXACT, SAME),
    ("to be", list("to be"), EXACT, DIFFERENT),
    (["to", "be"], ["to", "be"], EXACT, SAME),
    (("to", "be"), ["to", "be"], EXACT, SAME),
    (np.array(["to", "be"]), ["to", "be"], EXACT, SAME),
    (["to", "bee"], ["to", "be"], EXACT, DIFFERENT),
    (["to"], ["to", "be"], EXACT, DIFFERENT),
    ("12", 12, EXACT, DIFFERENT),
    (12, "12", EXACT, DIFFERENT),
    (["t", 0], "t0", EXACT, DIFFERENT),
    (b"to be", "to be", EXACT, DIFFERENT),
    # None is None only.
    (None, None, EXACT, SAME),
    (None, None, LOOSE, SAME),
    (None, False, EXACT, DIFFERENT),
    (False, None, EXACT, DIFFERENT),
    (None, 0.0, LOOSE, DIFFERENT),
    (None, "", EXACT, DIFFERENT),
    (None, [], EXACT, DIFFERENT),
    ([None, 1], [None, 1], EXACT, SAME),
    ([None, 1], [0, 1], EXACT, DIFFERENT),
    # Lists and dicts: item by item.
    ({"a": [1, "x"]}, {"a": [1, "x"]}, EXACT, SAME),
    ({"a": [1, "y"]}, {"a": [1, "x"]}, EXACT, DIFFERENT),
    ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}, EXACT, SAME),
    ({"a": 1.00001}, {"a": 1.0}, LOOSE, SAME),
    ({"a": 1.00001}, {"a": 1.0}, EXACT, DIFFERENT),
    ({"a": 1}, {"a": 1.0}, EXACT, DIFFERENT),
    ({"a": 1, "b": 2}, {"a": 1}, EXACT, DIFFERENT),
    ({"a": 1}, {"a": 1, "b": 2}, EXACT, DIFFERENT),
    ({("l", "o"): 7}, {("l", "o"): 7}, EXACT, SAME),
    ({1: "x"}, {"1": "x"}, EXACT, SAME),
    ({}, {}, EXACT, SAME),
    ({}, [], EXACT, DIFFERENT),
    ([("a", 1), ("b", 2)], [["a", 1], ["b", 2]], EXACT, SAME),
    (([3, 4, 4], True, True), ([3, 4, 4], True, True), EXACT, SAME),
    (([3, 4, 4], True, 1), ([3, 4, 4], True, True), EXACT, DIFFERENT),
    ([np.ones(2), {"b": list("xy")}], [[1.0, 1.0], {"b": "xy"}], EXACT, SAME),
    ([{1, 2}], [{1, 2}], EXACT, DIFFERENT),
]


@pytest.mark.parametrize(("observed", "expected", "tolerance", "is_same"), TABLE, ids=repr)
def test_a_check_and_the_judge_agree(
    observed: Any, expected: Any, tolerance: dict[str, float] | None, is_same: bool
) -> None:
    assert check_passes(observed, expected, tolerance) == is_same
    assert judge_matches(observed, expected, tolerance) == is_same


def check_passes(observed: Any, expected: Any, tolerance: dict[str, float] | None) -> bool:
    try:
        if tolerance is None:
            checks.equal("it", observed, expected)
        else:
            checks.close("it", observed, expected, **tolerance)
    except checks.CheckFailed:
        return False
    return True


def judge_matches(observed: Any, expected: Any, tolerance: dict[str, float] | None) -> bool:
    data = expect.equal() if tolerance is None else expect.close(**tolerance)
    compared = comparator(data)
    wrong = compared.difference(decode(encode(observed)), decode(encode(expected)))
    gap = compared.gap(decode(encode(observed)), decode(encode(expected)))
    assert gap is None or (gap <= 1) == (wrong is None)
    return wrong is None


SHAPES = [
    (2.0, (), SAME),
    ([2.0], (), SAME),
    (np.ones((1, 1)), (), SAME),
    (2.0, (1,), SAME),
    (np.ones((1, 1)), (1,), SAME),
    ([1, 2], (2,), SAME),
    (torch.ones(2, 3, requires_grad=True), (2, 3), SAME),
    (np.zeros((0, 3)), (0, 3), SAME),
    ([1.0, 2.0], (), DIFFERENT),
    (2.0, (2,), DIFFERENT),
    (np.ones((2, 3)), (3, 2), DIFFERENT),
    (np.ones((2, 1)), (2,), DIFFERENT),
    (np.ones((1, 2)), (2,), DIFFERENT),
    (np.zeros(0), (), DIFFERENT),
    ([], (0,), DIFFERENT),
    (None, (), DIFFERENT),
    ("2", (1,), DIFFERENT),
    ([[1.0], [1.0, 2.0]], (2,), DIFFERENT),
]


@pytest.mark.parametrize(("observed", "shape", "is_same"), SHAPES, ids=repr)
def test_a_check_of_shapes_and_the_judge_agree(
    observed: Any, shape: tuple[int, ...], is_same: bool
) -> None:
    arrived = decode(encode(observed))
    is_array = isinstance(arrived, np.ndarray)
    expected = np.resize(arrived if is_array else np.zeros(1), shape)
    assert (comparator(expect.equal()).difference(arrived, expected) is None) == is_same
    if is_same:
        checks.shape("it", observed, shape)
    else:
        with pytest.raises(checks.CheckFailed, match="^it: expected "):
            checks.shape("it", observed, shape)


def unlike(one: Any, other: Any) -> bool:
    """Whether two plain values differ in anything: type, dtype, shape, number or name."""
    if isinstance(one, Opaque) or isinstance(other, Opaque):
        return not isinstance(one, Opaque) or one.type != type(other).__name__
    if type(one) is not type(other) and not (isinstance(one, str) and isinstance(other, str)):
        return True
    if isinstance(one, np.ndarray):
        is_equal = np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        return one.dtype != other.dtype or not is_equal
    if isinstance(one, list):
        return len(one) != len(other) or any(map(unlike, one, other))
    if isinstance(one, dict):
        return list(one) != list(other) or any(map(unlike, one.values(), other.values()))
    return bool(one != other)


@pytest.mark.parametrize(
    "value", [value for row in TABLE for value in row[:2]] + [row[0] for row in SHAPES], ids=repr
)
def test_the_wire_makes_the_same_of_a_value_as_the_rule_does(value: Any) -> None:
    assert not unlike(decode(encode(value)), values.plain(value))


NUMBERS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats()
ANYTHING = st.recursive(
    st.none() | st.text(max_size=3) | NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(ANYTHING)
def test_whatever_it_is_the_wire_and_the_rule_agree_and_it_is_the_same_as_itself(
    value: Any,
) -> None:
    assert not unlike(decode(encode(value)), values.plain(value))
    assert values.difference(values.plain(value), values.plain(value)) is None


@given(ANYTHING, ANYTHING)
def test_check_and_judge_agree_on_any_two_values(one: Any, other: Any) -> None:
    for tolerance in (EXACT, LOOSE):
        assert check_passes(one, other, tolerance) == judge_matches(one, other, tolerance)


def test_students_have_the_same_rule_as_the_grader() -> None:
    original, copy = (
        {path.name: path.read_bytes() for path in (ROOT / package / "shared").glob("*.py")}
        for package in ("nbjudge", "lmlib")
    )
    assert original == copy, "copy it again: `pip install -e .` does, by hatch_build.copy_shared"


@pytest.mark.parametrize(
    ("observed", "expected", "what", "place"),
    [
        (1, 1.0, "kind", ()),
        (np.ones(2), np.ones(3), "shape", ()),
        (["a"], ["a", "b"], "length", ()),
        ({"a": 1}, {"b": 1}, "names", ()),
        ("a", "b", "text", ()),
        ([[1.0], {"a": [1, "x"]}], [[1.0], {"a": [2, "x"]}], "numbers", (1, "a", 0)),
    ],
)
def test_a_difference_says_what_and_where(
    observed: Any, expected: Any, what: str, place: tuple[int | str, ...]
) -> None:
    found = values.difference(values.plain(observed), values.plain(expected))
    assert found is not None and (found.what, found.place) == (what, place)
