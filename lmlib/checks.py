"""Self-explaining checks: what was expected, what was found, and where they first differ.

A check that passes prints one line. One that fails raises CheckFailed, which Jupyter shows as a
short message rather than a traceback.
"""

import copy
import math
import textwrap
import traceback
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

import numpy as np

from lmlib.shared import values
from lmlib.shared.imports import foreign_imports

WIDTH = 88
"""The maximum number of characters in a line of a message."""


class CheckFailed(AssertionError):
    """A check that failed. The message says what differs."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the traceback."""
        return told(f"✗ {self}")


class NotSolvedYet(Exception):
    """An exercise that still holds the line it was handed out with."""

    def _render_traceback_(self) -> list[str]:
        return told(f"… {self}")


def told(message: str) -> list[str]:
    """The message with its prose wrapped: a notebook would break longer lines inside a word."""
    lines = []
    for line in message.split("\n"):
        is_table = line.startswith(" ")
        wrapped = [] if is_table else textwrap.wrap(line, WIDTH, subsequent_indent="  ")
        lines += wrapped or [line]
    return ["\n".join(lines)]


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments) on deep copies, so that no check can change the input of the next one.

    Raises NotSolvedYet if the function, or one that it calls, is still the given stub.
    """
    __tracebackhide__ = True  # a traceback begins with the student's own code
    try:
        return function(*map(_copied, arguments))
    except NotImplementedError as error:
        if not (words := unsolved(error)):
            raise
    except ValueError as error:
        if not (cause := _cause(error)):
            raise
        raise CheckFailed(cause) from error
    raise NotSolvedYet(words)


FAR_CAUSES = {
    "robabilities do not sum to 1": (
        "np.random.choice finds that the probabilities do not add up to 1. Are they those of a"
        " softmax? In float32 they add up to 1 to seven digits only, which is too little once they"
        " are in a list or have become float64: then divide them by their sum."
    ),
    "p' must be 1-dimensional": (
        "np.random.choice wants one row of probabilities, (V,). Is an index that the network read"
        " an array of one number? Tokenizers return an array even for one character: loop over it,"
        " or take its number [0]."
    ),
}
"""What errors of NumPy say, whose causes are lines above, and what to tell instead."""


def _cause(error: ValueError) -> str:
    """The cause of an error that arises far behind it; empty if it is not one of those known."""
    return next((cause for words, cause in FAR_CAUSES.items() if words in str(error)), "")


def unsolved(error: NotImplementedError) -> str:
    """Which exercise still holds its stub, and what to do; empty if the error is not a stub's."""
    if error.args:  # the stub raises it without a message: this one comes from elsewhere
        return ""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    name = frame.f_code.co_qualname.rpartition("<locals>.")[2]  # a method with its class
    if name == "<module>":
        return "This cell still has a line `raise NotImplementedError()`: replace or remove it."
    return (
        f"{name} is not written yet: replace the line `raise NotImplementedError()` in its"
        " cell, run that cell, then run this one again."
    )


def _copied(argument: Any) -> Any:
    """A deep copy; for a tensor with a gradient history, which PyTorch cannot copy, its values."""
    try:
        return copy.deepcopy(argument)
    except RuntimeError:
        return argument.detach().clone()


def that(condition: Any, message: str, otherwise: str = "") -> None:
    """Check that a condition holds; message is a sentence that says what should be true.

    otherwise: what is the case if it does not hold, a sentence in lower case
    """
    if not condition:
        raise CheckFailed(f"{message}: {otherwise}" if otherwise else message)
    print(f"✓ {message}")


def parts(function: str, actual: Any, *names: str) -> list[Any]:
    """Check that a function returns so many things, and return them.

    function: its name; names: what each of the things is
    """
    what = f"{function} returns {', '.join(names[:-1])} and {names[-1]}"
    is_several = isinstance(actual, Sized) and not isinstance(actual, str | Mapping)
    if not is_several:
        raise CheckFailed(f"{what}: got {_seen(actual)}.")
    if len(actual) != len(names):
        raise CheckFailed(f"{what}: expected {len(names)} things, got {len(actual)}.")
    print(f"✓ {what}")
    return [*actual]


def entries(what: str, actual: Any, *names: str) -> None:
    """Check that something is a dictionary that has these names."""
    what = f"{what} is a dictionary with {', '.join(map(repr, names))}"
    if not isinstance(actual, Mapping):
        raise CheckFailed(f"{what}: got {_seen(actual)}.")
    missing = [name for name in names if name not in actual]
    that(not missing, what, f"{', '.join(map(repr, missing))} is missing.")


def figure(function: str, actual: Any) -> None:
    """Check that a function returns a figure of Matplotlib, with axes."""
    that(getattr(actual, "axes", None), f"{function} returns a figure", f"got {_seen(actual)}.")


def equal(what: str, actual: Any, expected: Any, hint: str = "") -> None:
    """Check that actual equals expected: a text, a number, a sequence, an array or a dict."""
    _conclude(what, _problem(actual, expected, rtol=0.0, atol=0.0), hint)


def close(
    what: str,
    actual: Any,
    expected: Any,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    hint: str = "",
    causes: Mapping[str, Any] | None = None,
) -> None:
    """Check that each number of actual is within atol + rtol·|expected| of the expected one.

    causes: common mistakes in a few words, and what comes out with each: one that fits is named in
    place of the hint
    """
    problem = _problem(actual, expected, rtol, atol)
    if problem:
        fitting = (
            slip for slip, out in (causes or {}).items() if not _problem(actual, out, rtol, atol)
        )
        slip = next(fitting, "")
        hint = f"It looks as if {slip}." if slip else hint
    _conclude(what, problem, hint)


def shape(what: str, actual: Any, expected_shape: tuple[int, ...], hint: str = "") -> None:
    """Check the shape of an array."""
    array, wanted = values.plain(actual), tuple(expected_shape)
    problem = ""
    if not isinstance(array, np.ndarray):
        problem = f"expected an array, got {_seen(array)}."
    elif not values.same_shape(array.shape, wanted):
        problem = _shape_words(array.shape, wanted)
    _conclude(what, problem, hint)


def first_rows(
    what: str,
    actual: Any,
    expected: Any,
    causes: Mapping[str, Sequence[float]] | None = None,
    atol: float = 1e-3,
) -> None:
    """Check the first rows and columns of a matrix, shown next to the expected ones.

    actual: (n, d); expected: (r, c) with r <= n and c <= d, the upper left of the right matrix;
    causes: common mistakes in a few words, and how the last of the r rows begins with each;
    atol: the largest absolute error of a number.
    """
    wanted, found = values.plain(expected), values.plain(actual)
    is_matrix = isinstance(found, np.ndarray) and found.ndim == 2
    if not is_matrix or np.any(np.less(found.shape, wanted.shape)):
        given = _shape_name(found.shape) if isinstance(found, np.ndarray) else _seen(found)
        _conclude(what, f"expected a matrix, at least {wanted.shape}, got {given}.", "")
        return
    corner = found[tuple(map(slice, wanted.shape))]
    problem = values.difference(corner, wanted, atol=atol)
    if problem is not None and problem.what == "kind":
        _conclude(what, _words(problem), "")
    table = _side_by_side(corner, wanted)
    if problem is None:
        print(f"✓ {what}\n{table}")
        return
    reason = ""
    gaps = {
        slip: np.abs(corner[-1, : len(beginning)] - beginning).max()
        for slip, beginning in (causes or {}).items()
    }
    likeliest = min(gaps, key=gaps.__getitem__, default="")
    if likeliest and gaps[likeliest] <= atol:
        reason = f"\n  It looks as if {likeliest}."
    raise CheckFailed(f"{what}: the first rows differ.\n{table}{reason}")


def only_packages(*allowed: str) -> None:
    """Check that the notebook's cells import nothing but these packages and the standard library.

    Looks at all cells run since the kernel started, in the order in which they ran.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("only_packages looks at the cells of a notebook: call it in a notebook.")
    findings = [
        f"cell [{number}], line {line}, imports {package}"
        for number, cell in enumerate(shell.user_ns["In"])
        for line, package in foreign_imports(cell, allowed)
    ]
    problem = ""
    if findings:
        problem = (
            f"{'; '.join(findings)}. Grading has no such package, so that cell would fail there."
            " Remove the import, restart the kernel and run all cells again."
        )
    _conclude(f"only {', '.join(allowed)} and the standard library are imported", problem, "")


def _conclude(what: str, problem: str, hint: str) -> None:
    if problem:
        raise CheckFailed(f"{what}: {problem} {hint}".rstrip())
    print(f"✓ {what}")


def _side_by_side(found: np.ndarray, wanted: np.ndarray) -> str:
    """Two matrices of one shape, (r, c) each, row next to row, as Python would read them."""
    rows = [
        "  ".join(f"[{', '.join(f'{number:8.4f}' for number in row)}]," for row in pair)
        for pair in zip(found, wanted, strict=True)
    ]
    heading = f"{'yours':<{len(rows[0]) // 2 + 1}}expected"
    return "\n".join(f"  {line}" for line in [heading, *rows])


def _problem(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    """How actual differs from the expected value; empty if they are the same."""
    found = values.difference(values.plain(actual), values.plain(expected), rtol, atol)
    if found is None:
        return ""
    way = (f"in item {at}, " if isinstance(at, int) else f"under {at!r}, " for at in found.place)
    return "".join(way) + _words(found)


def _words(found: values.Difference) -> str:
    """The difference as a sentence for a student."""
    observed, expected = found.observed, found.expected
    if found.what == "kind":
        return _kind_words(observed, expected)
    if found.what == "shape":
        return _shape_words(observed.shape, expected.shape)
    if found.what == "length":
        return f"expected a list of {len(expected)} items, got one of {len(observed)}."
    if found.what == "names":
        return f"expected a dictionary with {_names(expected)}, got one with {_names(observed)}."
    if found.what == "text":
        return _text_words(observed, expected)
    return _number_words(found)


def _kind_words(observed: Any, expected: Any) -> str:
    if isinstance(observed, np.ndarray) and isinstance(expected, np.ndarray):
        first = "" if observed.size == 1 else "the first is "
        number = f" ({first}{observed.ravel()[0]})" if observed.size else ""
        return f"expected {values.name(expected)}, got {values.name(observed)}{number}."
    if values.kind(expected) == values.OTHER:
        return f"expected {_seen(expected)}, which no check can compare."
    is_large = isinstance(expected, np.ndarray) and expected.size > 1
    shape = f" with shape {expected.shape}" if is_large else ""
    return f"expected {values.name(expected)}{shape}, got {_seen(observed)}."


def _text_words(observed: str, expected: str) -> str:
    if len(observed) != len(expected):
        return f"expected {len(expected)} characters, got {len(observed)}: {_shortened(observed)}."
    position = next(i for i, c in enumerate(observed) if c != expected[i])
    return (
        f"expected {_shortened(expected)}, got {_shortened(observed)}; they first differ at"
        f" position {position}: {expected[position]!r} expected, {observed[position]!r} found."
    )


def _number_words(found: values.Difference) -> str:
    wrong = found.wrong
    assert wrong is not None, "numbers differ somewhere"
    observed, expected = found.observed, found.expected.reshape(wrong.shape)
    if np.isnan(observed).any() and not np.isnan(expected).any():
        return f"there is a NaN (not a number){_place(np.isnan(observed))}."
    first = tuple(np.argwhere(wrong)[0])
    is_one = wrong.size == 1
    count = f"{wrong.sum()} of {wrong.size} numbers differ; the first is"
    gap = abs(float(observed[first]) - float(expected[first]))
    few = wrong.ndim == 1 and 1 < wrong.size <= 6
    return (
        f"{'the number is' if is_one else count} {_number(observed[first])}, but"
        f" {_number(expected[first])} is expected{_place(wrong)}, a difference of {gap:.2g}."
        + (f" Yours are [{', '.join(map(_number, observed))}]." if few else "")
    )


def _shape_words(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return f"expected {_shape_name(wanted)}, got {_shape_name(found)}."


def _shape_name(shape: tuple[int, ...]) -> str:
    return f"shape {shape}" if shape else "a single number"


def _names(names: Mapping[str, Any]) -> str:
    return _shortened(", ".join(names)) if names else "nothing in it"


def _seen(value: Any) -> str:
    """A plain value in words that a student understands."""
    if value is None:
        return "None (does the function return its result?)"
    if isinstance(value, str):
        return f"the text {_shortened(value)}"
    if values.kind(value) == values.OTHER:
        return f"an object of type {type(value).__name__}"
    return values.name(value)


def _place(where: np.ndarray) -> str:
    """The first index at which `where` is true, as words to append."""
    if where.size == 1:
        return ""
    return f" at index [{', '.join(str(int(i)) for i in np.argwhere(where)[0])}]"


def _number(value: Any) -> str:
    number = float(value)
    return str(int(number)) if math.isfinite(number) and number.is_integer() else f"{number:.6g}"


def _shortened(text: str, length: int = 60) -> str:
    return repr(text if len(text) <= length else text[:length] + "…")
