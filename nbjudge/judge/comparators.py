"""How the judge compares: one function a comparator, in the trusted process.

Lists, tuples, Python numbers and detached tensors have become arrays on the wire.  A dtype counts
only by its kind (truth value, integer, float); size one equals a scalar; other shapes are exact.
"""

import math
from typing import Any

import numpy as np

from nbjudge.kernel.evidence import Opaque, decode

FALSE_ALARM = 1e-6
"""How often a right sampler may miss the frequency bound."""


def difference(comparator: dict[str, Any], observed: Any, expected: Any) -> str | None:
    """What is wrong with `observed`, as the end of a sentence about it; None where it matches."""
    match comparator["kind"]:
        case "equal":
            return _difference_equal(observed, expected)
        case "close":
            return _difference_close(comparator, observed, expected)
        case "subset":
            return _difference_subset(observed, decode(comparator["of"]))
        case "frequencies":
            return _difference_frequencies(observed, decode(comparator["p"]), expected)
        case "at_most":
            return _difference_at_most(observed, comparator["bound"])
    raise ValueError(f"unknown comparator {comparator['kind']!r}")


def same_evidence(comparator: dict[str, Any], one: Any, other: Any) -> bool:
    """Whether two observed values show the same thing, neither of them being the reference.

    Values are compared as the comparator compares; draws by a two-sample bound; and where a
    comparator only asks for a property, two values are the same if both have it or both lack it.
    """
    match comparator["kind"]:
        case "close" if isinstance(other, np.ndarray | list | dict):
            return _difference_close(comparator, one, other) is None
        case "equal" | "close":
            return _difference_equal(one, other) is None
        case "frequencies":
            return _same_frequencies(one, other)
    lacks = [difference(comparator, value, None) is not None for value in (one, other)]
    return lacks[0] == lacks[1] and _kind(one) == _kind(other)


def gap(comparator: dict[str, Any], observed: Any, expected: Any) -> float:
    """max |observed − expected| in units of the tolerance of `close`; inf where not comparable.

    Goes into lists and dictionaries, as `close` itself does.
    """
    if isinstance(expected, dict) and isinstance(observed, dict):
        if observed.keys() != expected.keys():
            return math.inf
        names = list(expected)
        observed, expected = [observed[n] for n in names], [expected[n] for n in names]
    if isinstance(expected, list) and isinstance(observed, list):
        if len(observed) != len(expected):
            return math.inf
        pairs = zip(observed, expected, strict=True)
        return max((gap(comparator, one, other) for one, other in pairs), default=0.0)
    if _structure(observed, expected) is not None:
        return math.inf
    return float(_gaps(comparator, observed, expected).max(initial=0.0))


def _gaps(comparator: dict[str, Any], observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """|observed − expected| of each element in units of its tolerance, flat.

    NaN equals NaN and an infinity itself; either is infinitely far from everything else.
    """
    one, other = _flat(observed), _flat(expected)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    comparable = np.isfinite(one) & np.isfinite(other)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        tolerance = comparator["atol"] + comparator["rtol"] * np.abs(other)
        gaps = np.where(comparable, np.abs(one - other) / tolerance, np.inf)
    return np.where(same, 0.0, gaps)


def _difference_equal(observed: Any, expected: Any) -> str | None:
    if isinstance(expected, str):
        return _difference_text(observed, expected)
    if isinstance(expected, np.ndarray):
        if (wrong := _structure(observed, expected)) is not None:
            return wrong
        return _first_difference(observed, expected, observed.ravel() == expected.ravel())
    if isinstance(expected, list | dict):
        if type(observed) is not type(expected):
            return f"is {describe(observed)}, not {describe(expected)}"
        return None if _equal_items(observed, expected) else "is not the expected value"
    same = type(observed) is type(expected) and observed == expected
    return None if same else f"is {describe(observed)}, not {describe(expected)}"


def _equal_items(observed: Any, expected: Any) -> bool:
    """Whether two lists, or two dictionaries, hold equal items."""
    if isinstance(expected, dict):
        if observed.keys() != expected.keys():
            return False
        observed = [observed[name] for name in expected]
        expected = list(expected.values())
    pairs = zip(observed, expected, strict=False)
    return len(observed) == len(expected) and all(
        _difference_equal(one, other) is None for one, other in pairs
    )


def _difference_text(observed: Any, expected: str) -> str | None:
    if isinstance(observed, list) and all(isinstance(part, str) for part in observed):
        observed = "".join(observed)  # a list of characters is as good as a text
    if not isinstance(observed, str):
        return f"is {describe(observed)}, not text"
    if observed == expected:
        return None
    if len(observed) != len(expected):
        return f"has {len(observed)} characters, not {len(expected)}"
    index = next(i for i, (a, b) in enumerate(zip(observed, expected, strict=True)) if a != b)
    return f"differs from the right text at character {index}"


def _difference_close(comparator: dict[str, Any], observed: Any, expected: Any) -> str | None:
    if isinstance(expected, list) and isinstance(observed, list):
        if len(observed) != len(expected):
            return f"has {len(observed)} items, not {len(expected)}"
        pairs = enumerate(zip(observed, expected, strict=True))
        wrongs = ((i, _difference_close(comparator, one, other)) for i, (one, other) in pairs)
        return next((f"in item {i} {wrong}" for i, wrong in wrongs if wrong), None)
    if isinstance(expected, dict) and isinstance(observed, dict):
        if set(observed) != set(expected):
            return "does not have the right names in it"
        wrongs = ((k, _difference_close(comparator, observed[k], expected[k])) for k in expected)
        return next((f"under {k!r} {wrong}" for k, wrong in wrongs if wrong), None)
    if (wrong := _structure(observed, expected)) is not None:
        return wrong
    return _first_difference(observed, expected, _gaps(comparator, observed, expected) <= 1)


def _difference_subset(observed: Any, allowed: Any) -> str | None:
    members = set(allowed.tolist() if isinstance(allowed, np.ndarray) else allowed)
    if isinstance(observed, np.ndarray):
        observed = observed.ravel().tolist()
    if not isinstance(observed, str | list):
        return f"is {describe(observed)}, not a sequence"
    elements = list("".join(observed)) if _is_text(observed) else list(observed)
    if not elements:
        return "is empty"
    strangers = sum(not _is_member(element, members) for element in elements)
    return f"has {strangers} of {len(elements)} elements that cannot occur" if strangers else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or all(isinstance(part, str) for part in value)


def _is_member(element: Any, members: set[Any]) -> bool:
    try:
        return element in members
    except TypeError:
        return False


def _difference_frequencies(observed: Any, p: np.ndarray, expected: np.ndarray) -> str | None:
    counts = _counts(observed, p.shape)
    if counts is None:
        return f"is {describe(observed)}, not counts of {p.size} outcomes"
    if counts.sum() != expected.sum():  # too few draws would pass any bound
        return f"holds {int(counts.sum())} draws, not {int(expected.sum())}"
    impossible = int(counts[p == 0].sum())
    if impossible:
        return f"holds {impossible} of {int(counts.sum())} draws of outcomes that cannot occur"
    threshold = math.log(2 * p.size / FALSE_ALARM)
    if (_divergence(counts, p) > threshold).any():
        return "does not have the right frequencies"
    return None


def _divergence(counts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """n · KL(Bernoulli(count/n) ‖ Bernoulli(p)) for each outcome, shape (V,).

    By Chernoff's bound a count this far out has probability at most 2 exp(−n·KL).
    """
    n = counts.sum()
    share = counts / n
    return n * (_relative_entropy(share, p) + _relative_entropy(1 - share, 1 - p))


def _relative_entropy(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(q == 0, 0.0, q * np.log(q / p))


def _same_frequencies(one: Any, other: Any) -> bool:
    """Whether two count vectors may come from one distribution (two-sample version)."""
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return _kind(one) == _kind(other)
    first, second = _counts(one, one.shape), _counts(other, one.shape)
    if first is None or second is None or first.sum() != second.sum():
        return False
    if not first.sum():
        return True
    pooled = (first + second) / (first.sum() + second.sum())
    surprise = _divergence(first, pooled) + _divergence(second, pooled)
    return bool((surprise <= math.log(2 * pooled.size / FALSE_ALARM)).all())


def _counts(observed: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    if not isinstance(observed, np.ndarray) or observed.shape != shape:
        return None
    counts = observed.astype(np.float64)
    return counts if np.isfinite(counts).all() and (counts >= 0).all() else None


def _difference_at_most(observed: Any, bound: float) -> str | None:
    if not isinstance(observed, np.ndarray) or observed.size != 1 or observed.dtype.kind == "b":
        return f"is {describe(observed)}, not a number"
    value = float(observed.reshape(()))
    if not math.isfinite(value):
        return "is NaN" if math.isnan(value) else "is infinite"
    return None if value <= bound else f"is {value:.4g}, too large"


def _structure(observed: Any, expected: Any) -> str | None:
    """What keeps two values from being compared element by element; None where nothing does."""
    if not isinstance(observed, np.ndarray) or not isinstance(expected, np.ndarray):
        is_large = isinstance(expected, np.ndarray) and expected.size > 1
        shape = f" with shape {expected.shape}" if is_large else ""
        return f"is {describe(observed)}, not {describe(expected)}{shape}"
    kind, expected_kind = _kind(observed), _kind(expected)
    if kind != expected_kind:
        return f"holds {kind}, not {expected_kind}"
    if observed.shape == expected.shape or observed.size == expected.size == 1:
        return None
    return f"has {_shape(observed, expected.shape)}, not {expected.shape}"


def _shape(observed: np.ndarray, expected: tuple[int, ...]) -> str:
    """The observed shape in words; by its numbers only where these come near the right ones.

    Someone could put hidden inputs into a shape, and read them off the feedback.
    """
    near = {length + step for length in (1, *expected) for step in (-1, 0, 1)}
    near |= {a * b for a in expected for b in expected}
    if observed.ndim <= len(expected) + 1 and set(observed.shape) <= near:
        return f"the shape {observed.shape}"
    return f"another shape, with {observed.ndim} {'axis' if observed.ndim == 1 else 'axes'}"


def _first_difference(observed: np.ndarray, expected: np.ndarray, good: np.ndarray) -> str | None:
    wrong = np.flatnonzero(~good)
    if wrong.size == 0:
        return None
    index = int(wrong[0])
    one, other = _flat(observed)[index], _flat(expected)[index]
    where = ""
    if observed.size > 1:
        place = ", ".join(str(int(i)) for i in np.unravel_index(index, observed.shape))
        where = f" at index [{place}] ({wrong.size} of {observed.size} elements differ)"
    if np.isnan(one):
        return f"is NaN{where}"
    if np.isinf(one):
        return f"is infinite{where}"
    return f"is off by {abs(one - other):.3g}{where}"


def _flat(value: np.ndarray) -> np.ndarray:
    return value.ravel().astype(np.float64)


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return {"b": "truth values", "i": "integers", "u": "integers"}.get(
            value.dtype.kind, "floats"
        )
    return value.type if isinstance(value, Opaque) else type(value).__name__


def describe(value: Any) -> str:
    """`value`'s kind in words, for the end of a sentence; never its contents."""
    if isinstance(value, np.ndarray):
        if value.size == 1:
            return {"truth values": "a truth value", "integers": "an integer"}.get(
                _kind(value), "a float"
            )
        return f"an array of {_kind(value)}"
    if isinstance(value, Opaque):
        return "an object of another kind"  # its name is the student's to choose
    names = {"NoneType": "None", "str": "text", "list": "a list", "dict": "a dictionary"}
    return names[type(value).__name__]
