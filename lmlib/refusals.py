"""One line in place of a traceback if a cell needs what is not there yet.

An experiment calls the student's functions, and uses what cells above have made. If an exercise is
still a stub, or a cell above has stopped, the cause is not in the experiment, and its traceback
would only hide it.
"""

import ast
import symtable
from types import TracebackType
from typing import Any, TypeGuard

from lmlib import checks


def install() -> None:
    """Have the notebook's kernel show the line; nothing changes outside of a notebook."""
    from IPython import get_ipython

    if (shell := get_ipython()) is not None:
        shell.set_custom_exc((NotImplementedError, NameError), _show)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    if words := needed(error, shell.user_ns):
        error._render_traceback_ = lambda: checks.told(f"… {words}")  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def needed(error: BaseException, names: dict[str, Any]) -> str:
    """What a cell needs that is not there yet, in a sentence; empty if the error is its own.

    names: those of the notebook, with `In`, the cells that were run
    """
    if isinstance(error, NotImplementedError):
        return checks.unsolved(error)
    if not isinstance(error, NameError) or error.name is None or error.name in names:
        return ""
    lines = [line for cell in names["In"][:-1] if (line := _line_that_binds(cell, error.name))]
    if not lines:
        return ""
    return (
        f"{error.name} is not there yet: a cell above makes it, in the line `{lines[-1]}`, and has"
        " not run to its end."
    )


def _line_that_binds(cell: str, name: str) -> str:
    """The line of a cell that gives a value to a name, outside of its functions; "" if none."""
    try:
        if not symtable.symtable(cell, "cell", "exec").lookup(name).is_assigned():
            return ""
        tree = ast.parse(cell)
    except (SyntaxError, KeyError, ValueError):  # a magic, or no such name
        return ""
    numbers = [node.lineno for node in ast.walk(tree) if _is_bound_by(node, name)]
    return cell.splitlines()[min(numbers) - 1].strip() if numbers else ""


def _is_bound_by(node: ast.AST, name: str) -> TypeGuard[ast.stmt | ast.Name]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name == name
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
