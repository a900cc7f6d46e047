"""What a function does, as text: the same for the same code, wherever and whenever it was defined.

A cell that is run again defines its functions anew, and nothing about them has changed; a number
that is changed in one of them makes another experiment of it.
"""

import functools
from collections.abc import Iterable
from types import CodeType


def described(function: object) -> str:
    """What a function does, with the plain values that it uses, apart from where it stands."""
    if isinstance(function, functools.partial):
        given = [*function.args, *function.keywords.items()]
        return described(function.func) + _plain(given)
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    named = getattr(function, "__globals__", {})
    cells = getattr(function, "__closure__", None) or ()
    values = [named[name] for name in code.co_names if name in named]
    values += [cell.cell_contents for cell in cells]
    values += getattr(function, "__defaults__", None) or ()
    return _code(code) + _plain(values)


def _plain(values: Iterable[object]) -> str:
    """Those of the values that are written the same every time."""
    return repr([value for value in values if isinstance(value, bool | int | float | str | tuple)])


def _code(code: CodeType) -> str:
    constants = [
        _code(value) if isinstance(value, CodeType) else repr(value)
        for value in code.co_consts
        if not isinstance(value, frozenset)  # whose order differs from one Python to the next
    ]
    return repr((code.co_code, code.co_names, constants))
