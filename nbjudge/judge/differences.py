"""What is wrong with one observation, as a sentence for the student."""

import builtins
import math
from collections.abc import Mapping
from typing import Any

from nbjudge.judge.answer_key import Expectation
from nbjudge.kernel.evidence import Observation, decode

Observations = Mapping[str, Observation | None]


def wrong(entry: Expectation, observed: Observations) -> str | None:
    """What is wrong with the observation, as a sentence; None if it or its stand-in matches.

    If both are wrong, it is the sentence for the one that is nearer to right.
    """
    ways = [(value, observed.get(name)) for name, value in entry.ways()]
    wrongs = [wrong_value(entry, value, seen) for value, seen in ways]
    if None in wrongs:
        return None
    gaps = [_distance(entry, value, seen) for value, seen in ways]
    return wrongs[gaps.index(min(gaps))]


def _distance(entry: Expectation, value: Any, observation: Observation | None) -> float:
    """How far an observation is from right: 0 if that is no number, infinite if it raised."""
    if observation is None or observation.raised:
        return math.inf
    return entry.rule.gap(observation.value, decode(value)) or 0.0


def wrong_value(entry: Expectation, value: Any, observation: Observation | None) -> str | None:
    """What is wrong with an observation, expected to be the encoded `value`; None if nothing is."""
    name = _capitalised(entry.name)
    if observation is None:
        return f"{name}: nothing was observed."
    if observation.raised:
        return f"{name}: the code {_raised(observation.raised.type)}."
    wrong = entry.rule.difference(observation.value, decode(value))
    if wrong is not None:
        return f"{name}: the result {wrong}."
    if observation.changed:
        return f"{name}: the function changed its arguments in place."
    return None


def _raised(kind: str) -> str:
    """An exception in words, by name only if it is Python's own, not one that the student chose."""
    known = getattr(builtins, kind, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return f"raised {'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    return "raised an exception"


def _capitalised(name: str) -> str:
    """The name of an observation at the beginning of a sentence; a variable's name stays."""
    first = name.partition(" ")[0]
    return name[:1].upper() + name[1:] if first.isalpha() and first.islower() else name
