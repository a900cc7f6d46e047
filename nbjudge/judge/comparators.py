"""Comparators of an observation with the answer key, one class for each.

A KEY region says `close(rtol=1e-4)` and sends plain data, a kind and its parameters.  `comparator`
turns it into an object with all that judge and build need: the four methods of `Comparator`.

To add a comparator, write its class here, with the kind in the class statement and the parameters
as fields, and a function for it in `nbjudge.kernel.expect`.  Nothing else names a kind.

`nbjudge.shared.values` decides which values are the same, for the checks in a notebook too.  This
module words the differences, without ever revealing what a hidden test tries or expects.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbjudge.kernel.evidence import Opaque, decode
from nbjudge.shared import values

FALSE_ALARM = 1e-6
"""Probability that a correct sampler violates the frequency bound."""

UNNAMED = 0.01
"""Probability that two counts from one distribution are not called the same evidence.

A name has to be true, so it is withheld more readily than points are.
"""

STRAYS = 3
"""Draws of other outcomes in counts that are like those of a single one."""

CLASSES: dict[str, type["Comparator"]] = {}
"""All comparators by kind; each class registers itself when it is defined."""


class Comparator(ABC):
    """Interface of a comparator for judge and build.  Observed and expected values are plain.

    Raises TypeError, when a class is defined, if it lacks a method or a unique kind.
    """

    def __init_subclass__(cls, kind: str = "") -> None:
        super().__init_subclass__()
        lacking = [name for name in sorted(Comparator.__abstractmethods__) if _lacks(cls, name)]
        if lacking:
            raise TypeError(f"The comparator {cls.__name__} lacks {', '.join(lacking)}.")
        if not kind or kind in CLASSES:
            raise TypeError(f"The comparator {cls.__name__} needs a kind that no other one has.")
        CLASSES[kind] = cls

    @abstractmethod
    def difference(self, observed: Any, expected: Any) -> str | None:
        """What is wrong with `observed`, as the end of a sentence about it; None if it matches."""

    @abstractmethod
    def same_evidence(self, one: Any, other: Any) -> bool:
        """Whether two observed values are the same evidence; neither is the reference."""

    @abstractmethod
    def tells(self, value: Any) -> bool:
        """Whether a wrong value holds enough for others to show the same only by the same mistake.

        A truth value, or a property that many values lack, does not.
        """

    @abstractmethod
    def gap(self, observed: Any, expected: Any) -> float | None:
        """How far `observed` is off in units of the tolerance; None for a comparator without one.

        It is infinite if the two cannot be subtracted.
        """

    @abstractmethod
    def trivial(self, expected: Any, filling: int) -> Any:
        """A trivial answer that must not pass: only zeros or only ones, according to `filling`.

        It has the form of the right answer: a text is empty or blank.
        """


def _lacks(cls: type, name: str) -> bool:
    return getattr(getattr(cls, name), "__isabstractmethod__", False)


def comparator(data: Any) -> Comparator:
    """The comparator that a KEY region described.

    Raises ValueError if there is no such kind, or if its parameters are wrong.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"a comparator is made by a call such as equal(), and {data!r} is none")
    parameters = dict(data)
    kind = parameters.pop("kind", None)
    if kind not in CLASSES:
        known = ", ".join(sorted(CLASSES))
        raise ValueError(f"there is no comparator {kind!r}; there are {known}")
    try:
        return CLASSES[kind](**parameters)
    except TypeError as error:
        given = ", ".join(parameters) or "nothing"
        raise ValueError(f"the comparator {kind!r} cannot be made of {given}") from error


@dataclass(frozen=True)
class Equal(Comparator, kind="equal"):
    """Exactly the same text, integers, or truth values."""

    def difference(self, observed: Any, expected: Any) -> str | None:
        found = values.difference(observed, expected)
        if found is None:
            return None
        if found.place or found.what in ("length", "names"):
            return "is not the expected value"
        return _words(found)

    def same_evidence(self, one: Any, other: Any) -> bool:
        return values.difference(_comparable(one), _comparable(other)) is None

    def tells(self, value: Any) -> bool:
        return _is_telling(value)

    def gap(self, observed: Any, expected: Any) -> None:
        return None

    def trivial(self, expected: Any, filling: int) -> Any:
        return _filled(expected, filling)


@dataclass(frozen=True)
class Close(Comparator, kind="close"):
    """|observed − expected| ≤ atol + rtol · |expected|, for each number."""

    rtol: float
    atol: float

    def difference(self, observed: Any, expected: Any) -> str | None:
        found = values.difference(observed, expected, self.rtol, self.atol)
        if found is None:
            return None
        way = (f"in item {at} " if isinstance(at, int) else f"under {at!r} " for at in found.place)
        return "".join(way) + _words(found)

    def same_evidence(self, one: Any, other: Any) -> bool:
        one, other = _comparable(one), _comparable(other)
        return values.difference(one, other, self.rtol, self.atol) is None

    def tells(self, value: Any) -> bool:
        return _is_telling(value)

    def gap(self, observed: Any, expected: Any) -> float:
        return values.gap(observed, expected, self.rtol, self.atol)

    def trivial(self, expected: Any, filling: int) -> Any:
        return _filled(expected, filling)


@dataclass(frozen=True)
class Subset(Comparator, kind="subset"):
    """A non-empty text or sequence, every element of which is in `of`."""

    of: Any  # an encoded list

    def difference(self, observed: Any, expected: Any) -> str | None:
        elements = values.as_text(observed)
        if isinstance(elements, np.ndarray):
            elements = elements.ravel().tolist()
        if not isinstance(elements, str | list):
            return f"is {values.name(observed)}, not a sequence"
        if not elements:
            return "is empty"
        allowed = decode(self.of)
        members = set(allowed.tolist() if isinstance(allowed, np.ndarray) else allowed)
        strangers = sum(not _is_member(element, members) for element in elements)
        if not strangers:
            return None
        return f"has {_some(strangers, len(elements), 'element')} that cannot occur"

    def same_evidence(self, one: Any, other: Any) -> bool:
        return _both_or_neither(self, one, other)

    def tells(self, value: Any) -> bool:
        return False

    def gap(self, observed: Any, expected: Any) -> None:
        return None

    def trivial(self, expected: Any, filling: int) -> Any:
        return _filled(expected, filling)


@dataclass(frozen=True)
class AtMost(Comparator, kind="at_most"):
    """A number of at most `bound`."""

    bound: float

    def difference(self, observed: Any, expected: Any) -> str | None:
        is_number = values.kind(observed) in (values.INTEGERS, values.FLOATS)
        if not is_number or observed.size != 1:
            return f"is {values.name(observed)}, not a number"
        number = float(observed.reshape(()))
        if not math.isfinite(number):
            return "is NaN" if math.isnan(number) else "is infinite"
        return None if number <= self.bound else "is too large"

    def same_evidence(self, one: Any, other: Any) -> bool:
        return _both_or_neither(self, one, other)

    def tells(self, value: Any) -> bool:
        return False

    def gap(self, observed: Any, expected: Any) -> None:
        return None

    def trivial(self, expected: Any, filling: int) -> Any:
        return _filled(expected, filling)


@dataclass(frozen=True)
class Frequencies(Comparator, kind="frequencies"):
    """Counts of shape (G,) plausibly drawn from `p`, with as many draws as the solution's."""

    p: Any  # an encoded array (V,), which sums to one
    groups: Any  # an encoded array (V,): the group of each outcome, from 0 to G - 1

    def of_groups(self, p: np.ndarray) -> np.ndarray:
        """The probabilities of the groups, (G,), if those of the outcomes are p (V,)."""
        return np.bincount(decode(self.groups), p)

    def difference(self, observed: Any, expected: Any) -> str | None:
        p = self.of_groups(decode(self.p))
        counts = _counts(observed, p.shape)
        if counts is None:
            return f"is {values.name(observed)}, not counts of {p.size} outcomes"
        if counts.sum() != expected.sum():  # too few draws would satisfy any bound
            return _number_of(int(counts.sum()), int(expected.sum()), "draws")
        impossible = int(counts[p == 0].sum())
        if impossible:
            return f"has {_some(impossible, int(counts.sum()), 'draw')} that cannot occur"
        if not self.is_plausible(counts, p, int(counts.sum()), p.size).all():
            return "does not have the right frequencies"
        return None

    @staticmethod
    def is_plausible(
        counts: np.ndarray, p: np.ndarray | float, draws: int, outcomes: int
    ) -> np.ndarray:
        """Whether each count may be that of an outcome of probability p, one of some outcomes."""
        return _divergence(counts, p, draws) <= _largest_divergence(outcomes, FALSE_ALARM)

    def same_evidence(self, one: Any, other: Any) -> bool:
        """Whether two counts may come from one distribution, by the two-sample bound.

        Counts of a single outcome may show that nothing was drawn: only nearly the same counts are
        like them.
        """
        if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
            return _kind(one) == _kind(other)
        first, second = _counts(one, one.shape), _counts(other, one.shape)
        if first is None or second is None or first.sum() != second.sum():
            return False
        if min((first > 0).sum(), (second > 0).sum()) <= 1:
            return bool(np.abs(first - second).sum() <= 2 * STRAYS)
        pooled = (first + second) / (first.sum() + second.sum())
        draws = int(first.sum())
        divergence = _divergence(first, pooled, draws) + _divergence(second, pooled, draws)
        return bool((divergence <= _largest_divergence(pooled.size, UNNAMED)).all())

    def tells(self, value: Any) -> bool:
        return True

    def gap(self, observed: Any, expected: Any) -> None:
        return None

    def trivial(self, expected: Any, filling: int) -> Any:
        """No draws at all, or equally many of each outcome."""
        share = expected.sum() / expected.size
        return np.full_like(expected, share if filling else 0, dtype=float)


def _counts(observed: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    if not isinstance(observed, np.ndarray) or observed.shape != shape:
        return None
    counts = observed.astype(np.float64)
    return counts if np.isfinite(counts).all() and (counts >= 0).all() else None


def _divergence(counts: np.ndarray, p: np.ndarray | float, draws: int) -> np.ndarray:
    """n · KL(Bernoulli(count/n) ‖ Bernoulli(p)) for each count among n draws.

    By Chernoff's bound, a count this far off has probability at most 2 exp(−n·KL).
    """
    share = counts / draws
    return draws * (_relative_entropy(share, p) + _relative_entropy(1 - share, 1 - p))


def _relative_entropy(q: np.ndarray, p: np.ndarray | float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(q == 0, 0.0, q * np.log(q / p))


def _largest_divergence(outcomes: int, probability: float) -> float:
    """The divergence that any of the outcomes exceeds with at most this probability."""
    return math.log(2 * outcomes / probability)


def _is_member(element: Any, members: set[Any]) -> bool:
    try:
        return element in members
    except TypeError:
        return False


def _both_or_neither(asked: Comparator, one: Any, other: Any) -> bool:
    """Whether both of two values of one kind, or neither, have the property `asked`."""
    lacks = [asked.difference(value, None) is not None for value in (one, other)]
    return lacks[0] == lacks[1] and _kind(one) == _kind(other)


def _is_telling(value: Any) -> bool:
    """Whether a value is more than a few truth values, and not just NaN or infinite."""
    if not isinstance(value, np.ndarray):
        return True
    if values.kind(value) == values.TRUTH_VALUES:
        return value.size >= 4
    return value.size == 0 or bool(np.isfinite(value).any())


def _kind(value: Any) -> str:
    return value.type if isinstance(value, Opaque) else values.kind(value)


def _comparable(value: Any) -> Any:
    """`value` with a dict in place of every object known only by its type's name."""
    if isinstance(value, Opaque):
        return {"an object of type": value.type}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    return value


def _filled(expected: Any, filling: int) -> Any:
    """An array of only zeros or ones, or an empty or blank text; None for anything else."""
    if isinstance(expected, np.ndarray):
        return np.full_like(expected, filling)
    if isinstance(expected, str):
        return " " * len(expected) if filling else ""
    return None


def _words(found: values.Difference) -> str:
    """What differs, as the end of a sentence about the observed value."""
    observed, expected = found.observed, found.expected
    if found.what == "kind":
        return _kind_words(observed, expected)
    if found.what == "shape":
        return f"has {_shape(observed, expected.shape)}, not {expected.shape}"
    if found.what == "length":
        return _number_of(len(observed), len(expected), "items")
    if found.what == "names":
        return "does not have the right names in it"
    if found.what == "text":
        return _text_words(observed, expected)
    return _number_words(found)


def _kind_words(observed: Any, expected: Any) -> str:
    if isinstance(observed, np.ndarray) and isinstance(expected, np.ndarray):
        return f"holds {values.kind(observed)}, not {values.kind(expected)}"
    is_large = isinstance(expected, np.ndarray) and expected.size > 1
    shape = f" with shape {expected.shape}" if is_large else ""
    return f"is {values.name(observed)}, not {values.name(expected)}{shape}"


def _shape(observed: np.ndarray, expected: tuple[int, ...]) -> str:
    """The observed shape in words; its numbers are given only if they are near the right ones.

    Otherwise a student could encode hidden inputs in a shape and read them in the feedback.
    """
    near = {length + step for length in (1, *expected) for step in (-1, 0, 1)}
    near |= {a * b for a in expected for b in expected}
    if observed.ndim <= len(expected) + 1 and set(observed.shape) <= near:
        return f"the shape {observed.shape}"
    return f"another shape, with {observed.ndim} {'axis' if observed.ndim == 1 else 'axes'}"


def _text_words(observed: str, expected: str) -> str:
    if len(observed) != len(expected):
        return _number_of(len(observed), len(expected), "characters")
    pairs = enumerate(zip(observed, expected, strict=True))
    index = next(i for i, (one, other) in pairs if one != other)
    return f"differs from the right text at character {index}"


def _number_words(found: values.Difference) -> str:
    """The first number that differs, its place, and about how many others do."""
    wrong = found.wrong
    assert wrong is not None, "numbers differ somewhere"
    first = tuple(np.argwhere(wrong)[0])
    one, other = found.observed[first], found.expected.reshape(wrong.shape)[first]
    where = ""
    if wrong.size > 1:
        place = ", ".join(map(str, first))
        differ = "element differs" if wrong.sum() == 1 else "elements differ"
        where = f" at index [{place}] ({_share(int(wrong.sum()), wrong.size)} {differ})"
    if values.kind(found.expected) != values.FLOATS:
        return f"is not the expected {_KINDS[values.kind(found.expected)]}{where}"
    if math.isnan(one):
        return f"is NaN{where}"
    if math.isinf(one):
        return f"is infinite{where}"
    return f"is {_how_far(float(one), float(other))}{where}"


_KINDS = {values.TRUTH_VALUES: "truth value", values.INTEGERS: "integer"}


# Feedback gives a number only if it is near the right one, and roughly. Otherwise a student could
# encode hidden inputs in lengths, counts and gaps, and read them in the feedback.


def _how_far(observed: float, expected: float) -> str:
    """How far a number is off, to one digit."""
    gap = abs(observed - expected)
    if gap > 2 * abs(expected) and gap > 1:
        return "far too large" if observed > expected else "far too small"
    return f"off by about {gap:.1g}"


def _share(part: int, whole: int) -> str:
    """About how many of the elements are meant."""
    if part == 1:
        return "one"
    if part == whole:
        return "all"
    return "most" if part > whole / 2 else "some"


def _some(part: int, whole: int, what: str) -> str:
    """The same as the beginning of a noun phrase."""
    if part == 1:
        return f"one {what}"
    return f"{'only ' if part == whole else ''}{what}s"


def _number_of(observed: int, expected: int, what: str) -> str:
    """How many items there are, and how many there should be."""
    if observed in (0, expected - 1, expected + 1, 2 * expected):
        return f"has {observed} {what}, not {expected}"
    return f"has too {'many' if observed > expected else 'few'} {what}: {expected} are expected"
