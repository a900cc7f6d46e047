"""The rule of values: when a returned value is the same as the expected one.

A check in a notebook and the hidden test that grades it both use this module, so a value that
passes one passes the other. They differ only in how they describe a `Difference`.

**Plain values.** Before two values are compared, `plain` converts each of them to one of these:

    an array         from a number, an array, a tensor (detached first), or a list or tuple of
                     numbers whose rows are equally long
    a text           from a text
    None             from None
    a list           from any other list, tuple or array, and from an empty list
    a dict           from a dict; its names become texts
    something else   cannot be compared, and so equals nothing, not even itself

**Kinds** must agree. Truth values, integers, and floats are three kinds of arrays; the number of
bits does not matter. If a text is expected, a list of characters is accepted too.

**Shapes** must agree, except that all arrays of a single number are alike: shape (), (1,), (1, 1).

**Numbers** are the same if |observed − expected| <= atol + rtol · |expected|, for each of them.
NaN is the same as NaN and an infinity as itself, and either differs from everything else.

**Lists and dicts** are compared item by item, each by these same rules.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

TRUTH_VALUES, INTEGERS, FLOATS = "truth values", "integers", "floats"
NONE, TEXT, LIST, DICT, OTHER = "None", "text", "list", "dict", "other"

NAMES = {
    TRUTH_VALUES: "a truth value",
    INTEGERS: "an integer",
    FLOATS: "a float",
    NONE: "None",
    TEXT: "text",
    LIST: "a list",
    DICT: "a dictionary",
    OTHER: "an object of another kind",
}

Place = tuple[int | str, ...]
"""The path to a part of a value: indices of lists and names in dicts."""


@dataclass(frozen=True)
class Difference:
    """The first place at which an observed and an expected value differ."""

    what: Literal["kind", "shape", "length", "names", "text", "numbers"]
    observed: Any  # the two parts at that place, plain
    expected: Any
    place: Place = ()
    wrong: np.ndarray | None = None  # which numbers differ: truth values in the observed shape


def difference(
    observed: Any, expected: Any, rtol: float = 0.0, atol: float = 0.0
) -> Difference | None:
    """Where two plain values first differ, or None if they are the same.

    Without a tolerance, numbers must be exactly equal.
    """
    for place, one, other in _pairs(observed, expected):
        found = _part_difference(one, other, place, rtol, atol)
        if found is not None:
            return found
    return None


def gap(observed: Any, expected: Any, rtol: float, atol: float) -> float:
    """The largest |observed − expected| of two plain values, in units of its tolerance.

    Up to 1 they are the same. It is infinite if they differ in anything but finite numbers.
    """
    pairs = _pairs(observed, expected)
    return max((_part_gap(one, other, rtol, atol) for _, one, other in pairs), default=0.0)


def plain(value: Any) -> Any:
    """`value` as an array, a text, None, a list, or a dict; anything else is unchanged."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    array = as_array(value)
    if array is not None:
        return array
    if isinstance(value, np.ndarray):  # of texts, for instance
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def as_array(value: Any) -> np.ndarray | None:
    """`value` as an array of truth values, integers, or floats; None if it cannot be one."""
    try:
        value = _detached(value)
        if not (isinstance(value, bool | int | float | list) or hasattr(value, "__array__")):
            return None
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        return None  # rows of different lengths, or no numbers
    if isinstance(value, list) and array.size == 0:
        return None  # numbers of which kind?
    is_numeric = array.dtype.kind in "biuf" and array.dtype.itemsize <= 8
    return array if is_numeric else None


def _detached(value: Any) -> Any:
    """`value` with every tensor detached and every tuple as a list."""
    if isinstance(value, list | tuple):
        return [_detached(item) for item in value]
    is_tensor = hasattr(value, "detach") and hasattr(value, "__array__")
    return value.detach().cpu() if is_tensor else value


def kind(value: Any) -> str:
    """The kind of a plain value: FLOATS, TEXT, …"""
    if isinstance(value, np.ndarray):
        return {"b": TRUTH_VALUES, "f": FLOATS}.get(value.dtype.kind, INTEGERS)
    if value is None:
        return NONE
    types = ((str, TEXT), (list, LIST), (dict, DICT))
    return next((found for python, found in types if isinstance(value, python)), OTHER)


def name(value: Any) -> str:
    """A plain value's kind in a sentence: "a float", "an array of integers", "a list", …"""
    is_several = isinstance(value, np.ndarray) and value.size != 1
    return f"an array of {kind(value)}" if is_several else NAMES[kind(value)]


def same_shape(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether arrays of these two shapes can be the same."""
    return one == other or math.prod(one) == math.prod(other) == 1


def as_text(value: Any) -> Any:
    """A list of texts joined into one; any other plain value unchanged."""
    is_characters = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return "".join(value) if is_characters else value


def _pairs(observed: Any, expected: Any, place: Place = ()) -> Iterator[tuple[Place, Any, Any]]:
    """The corresponding parts of two values, each pair with its place.

    Lists of equal length and dicts with the same names are split into items, recursively.
    """
    both = (observed, expected)
    if all(isinstance(value, list) for value in both) and len(observed) == len(expected):
        for index, (one, other) in enumerate(zip(observed, expected, strict=True)):
            yield from _pairs(one, other, (*place, index))
    elif all(isinstance(value, dict) for value in both) and observed.keys() == expected.keys():
        for key, other in expected.items():
            yield from _pairs(observed[key], other, (*place, key))
    else:
        yield place, observed, expected


def _part_difference(
    observed: Any, expected: Any, place: Place, rtol: float, atol: float
) -> Difference | None:
    if isinstance(expected, str):
        observed = as_text(observed)
    if kind(observed) != kind(expected) or kind(expected) == OTHER:
        return Difference("kind", observed, expected, place)
    if isinstance(expected, list):
        return Difference("length", observed, expected, place)
    if isinstance(expected, dict):
        return Difference("names", observed, expected, place)
    if isinstance(expected, np.ndarray):
        if not same_shape(observed.shape, expected.shape):
            return Difference("shape", observed, expected, place)
        wrong = np.asarray(_gaps(observed, expected, rtol, atol) > 1)
        return Difference("numbers", observed, expected, place, wrong) if wrong.any() else None
    return None if observed == expected else Difference("text", observed, expected, place)


def _part_gap(observed: Any, expected: Any, rtol: float, atol: float) -> float:
    found = _part_difference(observed, expected, (), rtol, atol)
    if found is not None and found.what != "numbers":
        return math.inf
    if not isinstance(expected, np.ndarray):
        return 0.0
    return float(_gaps(observed, expected, rtol, atol).max(initial=0.0))


def _gaps(observed: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """|observed − expected| of each number in units of its tolerance, in the observed shape."""
    expected = expected.reshape(observed.shape)
    one, other = observed.astype(np.float64), expected.astype(np.float64)
    is_same = (observed == expected) | (np.isnan(one) & np.isnan(other))
    is_finite = np.isfinite(one) & np.isfinite(other)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        gaps = np.abs(one - other) / (atol + rtol * np.abs(other))
    gaps = np.where(is_finite & ~np.isnan(gaps), gaps, np.inf)  # 0 / 0: integers beyond 2 ** 53
    return np.where(is_same, 0.0, gaps)
