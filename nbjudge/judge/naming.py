"""Names for what went wrong: which known mistakes an answer shows.

A name has to be true. It is given if all that a mistake changes is there, and only if that is
something that hardly any other wrong answer shows.
"""

import builtins
import re
from typing import Any

from nbjudge.judge.answer_key import CellKey, Expectation, MistakeEvidence, observations
from nbjudge.judge.differences import Observations, wrong
from nbjudge.kernel.evidence import Observation, Raised

Ways = tuple[tuple[str, Any], ...]
"""Names of observations, and what is expected of each."""

GENERAL = re.compile(
    "shape|size of tensor|sizes of|dimension|broadcast|not aligned|matmul|mat1|out of bounds"
    "|out of range|NoneType|has no attribute|is not defined|referenced before|not associated"
    "|unsupported operand|not callable|not subscriptable|not iterable|positional argument"
    "|keyword argument"
)
"""Messages of exceptions that any wrong code may raise."""


def known_mistakes(cell: CellKey, observed: Observations) -> list[MistakeEvidence]:
    """The mistakes whose evidence equals all observations of the cell."""
    return [
        mistake
        for mistake in cell.mistakes
        for shown in [_evidence(mistake)]
        if all(same_evidence(entry, observed, shown) for entry in cell.expectations)
    ]


def mistakes_among_others(cell: CellKey, observed: Observations) -> list[MistakeEvidence]:
    """The mistakes that show wherever they can, while something else is wrong too.

    If a function was observed with stand-ins for the student's other parts, that decides. Of two
    mistakes, one of which shows wherever the other does and elsewhere too, it is that one.
    """
    found = []
    for mistake in cell.mistakes:
        shown = _evidence(mistake)
        missed = _wrong_in(cell, shown)
        if is_telling(cell, mistake) and all(
            same_evidence(entry, observed, shown, entry.ways()[-1:]) for entry in missed
        ):
            found.append((mistake, {entry.name for entry in missed}))
    return [mistake for mistake, names in found if not any(names < others for _, others in found)]


def is_telling(cell: CellKey, mistake: MistakeEvidence) -> bool:
    """Whether the evidence of a mistake is its own, and not what many wrong answers show."""
    shown = _evidence(mistake)
    return any(
        _tells(entry, shown.get(name))
        for entry in _wrong_in(cell, shown)
        for name, _ in entry.ways()
    )


def entries(cell: CellKey, mistake: MistakeEvidence) -> list[Expectation]:
    """The expectations that a mistake does not meet."""
    return _wrong_in(cell, _evidence(mistake))


def _tells(entry: Expectation, observation: Observation | None) -> bool:
    if observation is None:
        return False
    if observation.raised:
        return not _is_general(observation.raised)
    return observation.changed or entry.rule.tells(observation.value)


def _is_general(raised: Raised) -> bool:
    """Whether any wrong code may raise this; what a hidden test refuses has a type of its own."""
    if not raised.message:
        return hasattr(builtins, raised.type)
    return GENERAL.search(raised.message) is not None


def _evidence(mistake: MistakeEvidence) -> Observations:
    return observations(mistake.payloads)


def _wrong_in(cell: CellKey, observed: Observations) -> list[Expectation]:
    return [entry for entry in cell.expectations if wrong(entry, observed) is not None]


def same_evidence(
    entry: Expectation, one: Observations, other: Observations, ways: Ways | None = None
) -> bool:
    """Whether two runs of a cell showed the same in some ways of one expectation; default: all."""
    ways = entry.ways() if ways is None else ways
    return all(_same_observation(entry, one.get(name), other.get(name)) for name, _ in ways)


def _same_observation(
    entry: Expectation, one: Observation | None, other: Observation | None
) -> bool:
    if one is None or other is None:
        return one is other
    if one.changed != other.changed:
        return False
    if one.raised or other.raised:
        return bool(one.raised and other.raised and _shape(one.raised) == _shape(other.raised))
    return entry.rule.same_evidence(one.value, other.value)


def _shape(raised: Raised) -> tuple[str, str]:
    """The type of an exception, and its message without the numbers in it."""
    return raised.type, re.sub(r"0x[0-9a-f]+|\d+(\.\d+)?", "#", raised.message)
