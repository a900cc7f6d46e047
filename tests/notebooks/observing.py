"""What a hidden test observes of an answer, in this process: no kernel, no judge."""

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest

import nbjudge
from nbjudge.judge.comparators import Frequencies
from nbjudge.kernel import evidence


def observed(test: str, names: dict[str, Any]) -> dict[str, Any]:
    """What each observation of a test's cell returns, or the type of what it raises.

    test:  the cell's source
    names: those of a notebook, with the answers that are tested; stand-ins are put there
    """
    found: dict[str, Any] = {}

    def observe(name: str, function: Any, *given: Any) -> None:
        arguments = copy.deepcopy(given)
        try:
            found[name] = evidence.decode(evidence.encode(function(*arguments)))
        except Exception as error:
            found[name] = type(error).__name__

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(nbjudge, "observe", observe)
        exec(test.partition("### BEGIN KEY")[0], names)
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two answers show the same in all observations, as the judge decides it.

    Integers of shape (V,) are counts of draws.
    """
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)


def _same(one: Any, other: Any) -> bool:
    are_counts = [isinstance(value, np.ndarray) and value.ndim == 1 for value in (one, other)]
    if all(are_counts):
        return Frequencies(p=None, groups=None).same_evidence(one, other)
    return type(one) is type(other) and bool(np.all(one == other))
