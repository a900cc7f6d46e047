"""Reach of an answer: which grade cells can behave differently if some exercises' code changes.

A build runs a notebook for each of dozens of mistakes, and most hidden tests have nothing to do
with most of them.  A test needs to run only if it comes after a changed exercise and uses a name
that depends on it, through whatever cells lie between.

What code changes without a name, such as a setting of a library, is not followed.  An audit that
runs every mistake again runs the whole notebook, so it would find points lost that way.
"""

import dis
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from nbjudge.core.notebooks import grade_id, is_check, is_solution, is_test


@dataclass(frozen=True)
class _Code:
    """One code cell, and the global names that it binds, and those that others bind for it."""

    id: str
    exercise: str | None  # the grade_id of a solution cell
    is_test: bool
    is_check: bool
    binds: frozenset[str]
    needs: frozenset[str]  # it reads them without binding them first
    replaces: frozenset[str]  # keywords and words in quotes: what a test may exchange by its name


def out_of_reach(notebook: NotebookNode, before: Mapping[str, str]) -> frozenset[str]:
    """The ids of the tests and checks that need not run again after exercises have changed.

    before: grade_id of each changed exercise → its source before the change

    A visible check runs only if a later cell needs a name that it binds.  All run if a cell is no
    Python.
    """
    try:
        cells = [_read(cell) for cell in notebook.cells if cell.cell_type == "code"]
        bound = {exercise: _names(source)[0] for exercise, source in before.items()}
    except SyntaxError:
        return frozenset()
    reached: set[str] = set()  # names that depend on the changed exercises
    wanted = []
    for cell in cells:
        if cell.exercise in bound:
            reached |= cell.binds | bound[cell.exercise]
        elif (cell.needs | cell.replaces) & reached:
            reached |= cell.binds
            wanted += [cell] if cell.is_test else []
    wanted += [cell for cell in cells if not cell.is_test and not cell.is_check]
    return frozenset(cell.id for cell in cells) - _with_needed(cells, wanted)


def _with_needed(cells: Sequence[_Code], wanted: list[_Code]) -> set[str]:
    """The ids of the wanted cells, and of those that bind what they need and nothing else does."""
    found: set[str] = set()
    while wanted:
        found |= {cell.id for cell in wanted}
        bound = {name for cell in cells if cell.id in found for name in cell.binds}
        missing = {name for cell in wanted for name in cell.needs} - bound
        wanted = [cell for cell in cells if cell.id not in found and cell.binds & missing]
    return found


def _read(cell: NotebookNode) -> _Code:
    exercise = grade_id(cell) if is_solution(cell) else None
    binds, needs, replaces = _names(cell.source)
    return _Code(cell.id, exercise, is_test(cell), is_check(cell), binds, needs, replaces)


def _names(source: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """What a cell binds, needs, and may replace, as in `_Code`; raises SyntaxError."""
    code = compile(TransformerManager().transform_cell(source), "a cell", "exec")
    bound: set[str] = set()
    needed: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_NAME", "STORE_GLOBAL"):
            bound.add(instruction.argval)
        elif instruction.opname == "LOAD_NAME" and instruction.argval not in bound:
            needed.add(instruction.argval)
    inside = [one for one in _nested(code) if one is not code]  # functions run afterwards
    for one in inside:
        for instruction in dis.get_instructions(one):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                needed |= {instruction.argval} - bound
            elif instruction.opname == "STORE_GLOBAL":
                bound.add(instruction.argval)
    return frozenset(bound), frozenset(needed), frozenset(_words(code))


def _nested(code: CodeType) -> Iterator[CodeType]:
    """A code object, and those of the functions and classes in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _words(code: CodeType) -> Iterator[str]:
    """The keywords of its calls and the words that stand in quotes."""
    for one in _nested(code):
        for constant in one.co_consts:
            texts = constant if isinstance(constant, tuple) else (constant,)
            yield from (text for text in texts if isinstance(text, str))
