"""The function `observe`, which calls the student's code on a hidden input and sends the result.

This module runs in the student's process.  It knows neither what is expected nor how it will be
compared, so there is nothing here to steal and nothing worth patching: whoever wraps `observe`
still has to produce the right values.
"""

import copy
import itertools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from nbjudge.kernel import evidence

JUDGE_LISTENS = "NBJUDGE_LISTENS"
"""Environment variable that the engine sets in its kernels: a judge reads the evidence."""

FLOAT_INPUTS = "NBJUDGE_FLOAT_INPUTS"
"""Environment variable through which the build casts float inputs to float32 or float64."""


_NUMBERS = itertools.count()


def observe(name: str, function: Callable[..., Any], *arguments: Any) -> None:
    """Call `function` on copies of `arguments` and send what it returned or raised.

    One failure costs one observation: exceptions become evidence and never leave this function.
    In an instructor's own notebook, without a judge, it prints what it observed.

    Raises RuntimeError under `nbgrader autograde` without the judge, because there a cell that
    merely runs would earn full points.
    """
    send(_observation(name, function, arguments))


def _observation(
    name: str, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> dict[str, Any]:
    given = [_cast_floats(argument) for argument in arguments]
    arguments = tuple(_copy(argument) for argument in given)
    before = [_before(one, other) for one, other in zip(given, arguments, strict=True)]
    payload: dict[str, Any] = {"observation": name}
    try:
        payload["value"] = evidence.encode(function(*arguments))
    except KeyboardInterrupt:  # the engine's time limit: it ends the whole cell
        raise
    except BaseException as error:  # SystemExit too: a student's exit() is evidence like any other
        kind = evidence.sendable(type(error).__name__)
        payload["raised"] = {"type": kind, "message": _message(error)}
    payload["changed"] = any(map(_is_changed, before, arguments))
    return payload


def send(payload: dict[str, Any]) -> None:
    """Send `payload` to the judge, or print it if there is none."""
    if os.environ.get(JUDGE_LISTENS):
        from IPython.display import display

        payload["number"] = next(_NUMBERS)  # shows the engine whether a message was lost
        display({evidence.MIME: payload}, raw=True)
    elif os.environ.get("NBGRADER_EXECUTION") == "autograde":
        raise RuntimeError(
            "This notebook is graded by nbjudge, and no judge is listening: grade with "
            "`nbjudge grade`, or with `nbgrader autograde` in the course folder, whose "
            "nbgrader_config.py calls it."
        )
    else:
        print(_summary(payload))


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a lock: passed without copying
        return value


def _cast_floats(value: Any) -> Any:
    """`value` with every float array in it cast as the build requests; otherwise unchanged."""
    dtype = os.environ.get(FLOAT_INPUTS)
    if not dtype:
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(dtype)
    if type(value) in (list, tuple):
        return type(value)(_cast_floats(item) for item in value)
    if type(value) is dict:
        return {key: _cast_floats(item) for key, item in value.items()}
    return value


def _before(given: Any, copied: Any) -> list[Any] | None:
    """The contents of `copied` before the call, read from `given` if it is a copy of that."""
    parts = _parts(given)
    return copy.deepcopy(parts) if copied is given else parts


def _is_changed(before: list[Any] | None, value: Any) -> bool:
    if before is None:
        return False
    after = _parts(value)
    return after is None or len(before) != len(after) or not all(map(_is_same, before, after))


def _parts(value: Any) -> list[Any] | None:
    """Every array, number, and text inside `value`, with the types: what may change in place.

    None for a value that contains itself.
    """
    parts: list[Any] = []

    def visit(item: Any) -> None:
        parts.append(type(item).__name__)
        if isinstance(item, dict):
            for key, entry in item.items():
                parts.append(str(key))
                visit(entry)
        elif isinstance(item, list | tuple):
            for entry in item:
                visit(entry)
        elif isinstance(item, str):
            parts.append(item)
        elif (array := evidence.as_array(item)) is not None:
            parts.append(array)

    try:
        visit(value)
    except RecursionError:
        return None
    return parts


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(type(one) is type(other) and one == other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    bits = f"u{one.itemsize}"  # in which a NaN equals itself
    return np.array_equal(one.view(bits), other.view(bits))


def _message(error: BaseException) -> str:
    try:
        return evidence.sendable(str(error)[:500])
    except BaseException:  # a hostile __str__
        return ""


def _summary(payload: dict[str, Any]) -> str:
    """One line for an instructor who runs a grade cell by hand."""
    if "observation" not in payload:
        return f"expected {payload['expectation']!r}: {payload['comparator']['kind']}"
    changed = "  [arguments changed in place]" if payload["changed"] else ""
    if "raised" in payload:
        raised = payload["raised"]
        seen = f"raised {raised['type']}: {raised['message']}"
    else:
        value = evidence.decode(payload["value"])
        seen = (
            np.array2string(value, threshold=8, precision=5)
            if isinstance(value, np.ndarray)
            else repr(value)[:120]
        )
    return f"observed {payload['observation']!r}: {seen}{changed}"
