"""Known mistakes and empty answers: wrong answers that must lose their points in a build."""

import ast
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import grade_id, is_solution, is_test, solution_text


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer, as an edit of the instructor's solution."""

    id: str
    cell: str  # grade_id of the solution cell that it edits
    find: str
    replace: str
    breaks: tuple[str, ...]  # grade_ids of the cells that must lose points
    says: str  # what happened, as the student reads it
    credit: float | None = None  # the share of those points that it still earns
    group: str | None = None  # mistakes of one group may show the same evidence


@dataclass(frozen=True)
class EmptyAnswer:
    """A body without content, for one solution cell."""

    cell: str
    returns: str  # the expression that its function returns


@dataclass(frozen=True)
class KnownWrong:
    """The contents of a mistakes file."""

    mistakes: tuple[Mistake, ...] = ()
    empty: tuple[EmptyAnswer, ...] = ()


def read_mistakes(path: Path, source: NotebookNode) -> KnownWrong:
    """The mistakes and empty answers listed at `path`, checked against the source notebook.

    Raises CourseError, naming the mistake, for one that does not fit the notebook: an unknown
    cell, a `find` that does not occur exactly once, an empty sentence, a duplicate id.
    """
    if not path.exists():
        return KnownWrong()
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path.name} is not valid TOML: {error}.") from error
    if unknown := listed.keys() - {"mistake", "empty", "equivalent"}:
        raise CourseError(f"{path.name} has the unknown table {sorted(unknown)[0]!r}.")
    cells = {grade_id(cell): cell for cell in source.cells}
    solutions = {name: cell.source for name, cell in cells.items() if name and is_solution(cell)}
    tests = {name for name, cell in cells.items() if name and is_test(cell)}
    mistakes = [_mistake(entry, path.name) for entry in listed.get("mistake", [])]
    empty = [_empty(entry, path.name) for entry in listed.get("empty", [])]
    seen: set[str] = set()
    for mistake in mistakes:
        _check(mistake, solutions, tests, seen, path.name)
        seen.add(mistake.id)
    for answer in empty:
        if answer.cell not in solutions:
            raise CourseError(f"{path.name}: an [[empty]] names the unknown cell {answer.cell!r}.")
    return KnownWrong(tuple(mistakes), tuple(empty))


def _mistake(entry: Mapping[str, Any], file: str) -> Mistake:
    try:
        mistake = Mistake(**{**entry, "breaks": tuple(entry["breaks"])})
    except (TypeError, KeyError) as error:
        name = entry.get("id", "without an id")
        raise CourseError(
            f"{file}: the mistake {name} lacks a field or has one too many: {error}."
        ) from error
    texts = (mistake.id, mistake.cell, mistake.find, mistake.replace, mistake.says, *mistake.breaks)
    if not all(isinstance(text, str) for text in texts):
        raise CourseError(f"{file}: all fields of {mistake.id} but its credit must be texts.")
    is_number = isinstance(mistake.credit, int | float)
    if mistake.credit is not None and not (is_number and 0 < mistake.credit < 1):
        raise CourseError(f"{file}: the credit of {mistake.id} must lie between 0 and 1.")
    return mistake


def _empty(entry: Mapping[str, Any], file: str) -> EmptyAnswer:
    try:
        answer = EmptyAnswer(**entry)
        ast.parse(answer.returns, mode="eval")
    except (TypeError, SyntaxError) as error:
        raise CourseError(
            f"{file}: an [[empty]] needs `cell` and an expression `returns`."
        ) from error
    return answer


def _check(
    mistake: Mistake, solutions: dict[str, str], tests: set[str], seen: set[str], file: str
) -> None:
    def refuse(what: str) -> CourseError:
        return CourseError(f"{file}: the mistake {mistake.id} {what}.")

    if mistake.id in seen:
        raise refuse("is listed twice")
    if mistake.cell not in solutions:
        raise refuse(f"edits {mistake.cell!r}, which is no solution cell")
    if not mistake.says.strip():
        raise refuse("says nothing")
    if not mistake.breaks:
        raise refuse("breaks no cell")
    if strangers := set(mistake.breaks) - tests:
        raise refuse(f"breaks {sorted(strangers)[0]!r}, which is no grade cell")
    occurrences = solutions[mistake.cell].count(mistake.find) if mistake.find else 0
    if occurrences != 1:
        raise refuse(f"has a `find` that occurs {occurrences} times in its cell, not once")
    if mistake.find == mistake.replace:
        raise refuse("changes nothing")


def solutions_of(source: NotebookNode) -> dict[str, str]:
    """The instructor's own code by `grade_id`."""
    return {
        name: solution_text(cell.source)
        for cell in source.cells
        if (name := grade_id(cell)) and is_solution(cell)
    }


def with_mistake(source: NotebookNode, mistake: Mistake) -> dict[str, str]:
    """The instructor's own code by `grade_id`, with `mistake` applied to one cell."""
    answers = solutions_of(source)
    edited = next(cell.source for cell in source.cells if grade_id(cell) == mistake.cell)
    answers[mistake.cell] = solution_text(edited.replace(mistake.find, mistake.replace))
    return answers


def empty_answers(
    source: NotebookNode, listed: tuple[EmptyAnswer, ...]
) -> dict[str, dict[str, str]]:
    """Empty answers to run, each a set of solution cells: description → grade_id → source.

    Every function of every solution cell returns None, its first argument, its second, …; the
    mistakes file adds others.  The stub itself is not included: it needs no cell.
    """
    code = {
        name: cell.source for cell in source.cells if (name := grade_id(cell)) and is_solution(cell)
    }
    most = max((len(_arguments(text)) for text in code.values()), default=0)
    made = {"None": {name: _returning(text, lambda _: "None") for name, text in code.items()}}
    for number in range(most):
        made[f"argument {number + 1}"] = {
            name: _returning(text, lambda names, n=number: names[n] if n < len(names) else "None")
            for name, text in code.items()
        }
    for answer in listed:
        made[f"{answer.returns} in {answer.cell}"] = {
            answer.cell: _returning(code[answer.cell], lambda _, value=answer.returns: value)
        }
    return made


def _functions(source: str) -> list[ast.FunctionDef]:
    tree = ast.parse(source)
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _arguments(source: str) -> list[str]:
    functions = _functions(source)
    return max(
        ([argument.arg for argument in function.args.args] for function in functions),
        key=len,
        default=[],
    )


def _returning(source: str, expression: Any) -> str:
    """The functions of `source`, each with a body that only returns `expression`."""
    pieces = []
    for function in _functions(source):
        names = [argument.arg for argument in function.args.args]
        head = f"def {function.name}({ast.unparse(function.args)}):"
        pieces.append(f"{head}\n    return {expression(names)}")
    return "\n\n\n".join(pieces)
