"""Rules for source notebooks."""

import ast
from pathlib import Path

from nbformat import NotebookNode

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import (
    Region,
    grade_id,
    is_answer,
    is_solution,
    is_task,
    is_test,
    nbgrader_metadata,
    points,
    region,
    scored_file,
    without_region,
    worth,
)

GLOBAL_SEEDS = frozenset(
    "random.seed random.setstate np.random.seed numpy.random.seed np.random.set_state "
    "numpy.random.set_state torch.manual_seed torch.random.manual_seed torch.set_rng_state "
    "torch.cuda.manual_seed torch.cuda.manual_seed_all".split()
)


def check_folder(course: Course, name: str) -> None:
    """Refuse a source folder that holds anything but its notebook.

    Students get the whole folder, so it may not hold an instructor's script, key or note.
    """
    path = course.source(name)
    if not path.is_file():
        raise CourseError(f"There is no notebook {path.relative_to(course.root)}.")
    for other in sorted(path.parent.rglob("*")):
        hidden = any(part.startswith(".") for part in other.relative_to(path.parent).parts)
        if other != path and not hidden and other.is_file():
            raise CourseError(
                f"{other.relative_to(course.root)} does not belong there: a source folder holds "
                "its notebook and nothing else."
            )


def check_source(source: NotebookNode, path: Path, scored: tuple[str, ...] = ()) -> None:
    """Raise CourseError, naming the cell, for the first rule that the notebook breaks.

    scored: the names of the submitted files that the assignment's scorer can score
    """
    seen: set[str] = set()
    for number, cell in enumerate(source.cells):
        name = grade_id(cell) or cell.get("id", f"number {number + 1}")
        try:
            _check_identity(cell, seen)
            _check_regions(cell)
            if cell.cell_type == "code":
                _check_code(cell, scored)
            if is_task(cell):
                _check_task(cell, source.cells[number + 1 : number + 2])
        except CourseError as error:
            raise CourseError(f"{path.name}, cell {name}: {error}.") from error
    if not any(is_test(cell) or is_task(cell) for cell in source.cells):
        raise CourseError(f"{path.name} has neither a grade cell nor a written task.")


def check_test(cell: NotebookNode, path: Path) -> None:
    """Raise CourseError, naming the cell, for the first rule that a cell of hidden tests breaks."""
    try:
        _check_test(cell, ())
    except CourseError as error:
        raise CourseError(f"{path.name}, cell {grade_id(cell)}: {error}.") from error


def _check_identity(cell: NotebookNode, seen: set[str]) -> None:
    name = grade_id(cell)
    if nbgrader_metadata(cell) and not name:
        raise CourseError("nbgrader's metadata lacks a grade_id")
    if name is None:
        return
    if cell.get("id") != name:
        raise CourseError("the cell's id is not its grade_id; `make format` sets it")
    if name in seen:
        raise CourseError("this grade_id occurs twice")
    seen.add(name)


def _check_regions(cell: NotebookNode) -> None:
    belongs: dict[Region, bool] = {
        "SOLUTION": is_solution(cell),
        "HIDDEN TESTS": is_test(cell),
        "KEY": is_test(cell),
        "MARK SCHEME": is_task(cell),
    }
    for kind, allowed in belongs.items():
        if region(cell.source, kind) is not None and not allowed:
            raise CourseError(f"a {kind} region does not belong in a cell of this kind")


def _check_code(cell: NotebookNode, scored: tuple[str, ...]) -> None:
    known = nbgrader_metadata(cell)
    if is_solution(cell):
        if known.get("grade"):
            raise CourseError("a code cell is either a solution or a test, not both")
        if region(cell.source, "SOLUTION") is None:
            raise CourseError("a solution cell needs a SOLUTION region, or its answer is released")
        _parse(without_region(cell.source, "SOLUTION") + "\n")
    elif not known.get("locked"):
        raise CourseError("a given code cell must be locked (nbgrader: 'Read-only')")
    if is_test(cell):
        _check_test(cell, scored)


def _check_test(cell: NotebookNode, scored: tuple[str, ...]) -> None:
    if file := scored_file(cell):
        _check_scored(cell, file, scored)
        return
    hidden, key = region(cell.source, "HIDDEN TESTS"), region(cell.source, "KEY")
    if hidden is None or key is None:
        raise CourseError("a grade cell needs a HIDDEN TESTS region and a KEY region")
    if without_region(without_region(cell.source, "HIDDEN TESTS"), "KEY").strip():
        raise CourseError(
            "a grade cell holds hidden tests and their key only; put checks into another cell"
        )
    if worth(cell) <= 0 or worth(cell) * 4 % 1:
        raise CourseError("the points of a grade cell are positive and in quarters")
    for node in ast.walk(_parse(hidden)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in GLOBAL_SEEDS:
            raise CourseError(
                f"hidden tests seed a global generator ({ast.unparse(node.func)}); "
                "use a generator of their own"
            )
    _parse(key)


def _check_scored(cell: NotebookNode, file: str, scored: tuple[str, ...]) -> None:
    if file not in scored:
        known = (
            f"the assignment's scorer knows {', '.join(scored)}" if scored else "it has no scorer"
        )
        raise CourseError(f"no file {file!r} can be scored; {known}")
    if _parse(cell.source).body:
        raise CourseError("a grade cell for a submitted file holds no code, only a comment")
    if points(cell) <= 0 or points(cell) * 4 % 1:
        raise CourseError("the points of a grade cell are positive and in quarters")


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        if "expected an indented block" in str(error):  # a body that is all solution
            return ast.Module(body=[], type_ignores=[])
        raise CourseError(f"line {error.lineno} is not Python: {error.msg}") from error


def _check_task(cell: NotebookNode, next_cells: list[NotebookNode]) -> None:
    if not nbgrader_metadata(cell).get("locked"):
        raise CourseError("a written task's cell must be locked; the answer has a cell of its own")
    if region(cell.source, "MARK SCHEME") is None:
        raise CourseError("a written task needs a MARK SCHEME region")
    if points(cell) <= 0:
        raise CourseError("a written task needs points")
    if not any(map(is_answer, next_cells)):
        raise CourseError("a written task is followed by a plain markdown cell with an id answer_…")
