"""Right answers that hidden tests leave in the student's process.

A student's code can find whatever its process holds: by name, in the frames of its callers, and
among all objects that Python's garbage collector knows. So a right answer that a hidden test
computes or defines there is an answer for everybody. Two steps find it:

1. The instructor's solutions run, and search before they answer. Each reports the functions and
   values of the course that give the same answer, and the classes with the same methods.
2. A student who returns what was found, and has solved nothing, must not earn anything.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from nbjudge.authoring import runs
from nbjudge.authoring.mistakes import solutions_of
from nbjudge.core.course import Assignment
from nbjudge.core.errors import CourseError
from nbjudge.judge import judge
from nbjudge.judge.answer_key import CellKey
from nbjudge.sandbox.engine import Run, Task
from nbjudge.sandbox.workers import NotebookExecutor

CELL = Path(__file__).with_name("search_cell.py")
REPORT = "@candidate "


def check_nothing_is_found(
    assignment: Assignment,
    source: NotebookNode,
    template: NotebookNode,
    cells: Sequence[CellKey],
    executor: NotebookExecutor,
    kept: Path,
    progress: Callable[[str, int], None],
) -> None:
    """Refuse hidden tests that leave a right answer where a student's code can find it.

    kept:     a folder for runs, which are reused as long as nothing that they depend on changes
    progress: called with what has run, and how many runs have

    Raises CourseError, naming the exercise, what answers it, and the points that it earns.
    """
    answers = solutions_of(source)
    solved = {cell: _reporting(text) for cell, text in answers.items()}
    empty = {cell: _returning_what_is_found(text) for cell, text in answers.items()}

    def task(written: Mapping[str, str], wanted: Mapping[str, str]) -> Task:
        return runs.student_task(assignment, template, written, _search_cell(assignment, wanted))

    listing = runs.run_all({"search": task(solved, {})}, executor, progress, kept / "listing")
    candidates: dict[str, list[str]] = {}
    for name, place in sorted(set(_reported(listing["search"]))):
        candidates.setdefault(name, []).append(place)
    together = [  # one candidate of each exercise in one notebook
        {name: place for name, place in zip(candidates, places, strict=True) if place}
        for places in zip_longest(*candidates.values())
    ]
    tasks = {f"round {number}": task(empty, wanted) for number, wanted in enumerate(together, 1)}
    shown = runs.run_all(tasks, executor, progress, kept / "rounds")
    earning = [
        {f"{name} by {place}": (name, place) for name, place in wanted.items()}
        for wanted, run in zip(together, (shown[what] for what in tasks), strict=True)
        if _earned(cells, run)
    ]
    found = {what: pair for round_ in earning for what, pair in round_.items()}
    tasks = {what: task(empty, dict([pair])) for what, pair in found.items()}
    for what, run in runs.run_all(tasks, executor, progress, kept).items():
        name, place = found[what]
        for cell, points in _earned(cells, run).items():
            raise CourseError(
                f"A right answer lies in the student's process: {place} answers {name} and earns "
                f"{points:g} points in {cell}. Let hidden tests use parts that compute something "
                "else, and compute expected values in KEY regions."
            )


def _earned(cells: Sequence[CellKey], run: Run) -> dict[str, float]:
    """The points of each grade cell that earned any."""
    verdicts = judge.judge_run(cells, run)
    return {name: verdict.score for name, verdict in verdicts.items() if verdict.score > 0}


def _search_cell(assignment: Assignment, wanted: Mapping[str, str]) -> str:
    """The student's cell that searches."""
    text = CELL.read_text(encoding="utf-8")
    text = text.replace('_LIBRARY = ""', f"_LIBRARY = {assignment.library!r}", 1)
    text = text.replace("_WANTED: dict[str, str] = {}", f"_WANTED = {dict(wanted)!r}", 1)
    return f"{text}\n\n{OWN_FILE}"


OWN_FILE = "_OWN_FILES.add(sys._getframe().f_code.co_filename)"


def _reporting(source: str) -> str:
    """A solution whose functions and classes search before they answer."""
    pieces = [OWN_FILE, source]
    for node in _defined(source):
        name = node.name
        pieces.append(f"_RIGHT[{name!r}] = {name}")
        if isinstance(node, ast.ClassDef):
            pieces.append(f"_report_when_made({name!r}, {name}, {_methods(node)!r})")
        else:
            pieces.append(_function(name))
    return "\n".join(pieces)


def _returning_what_is_found(source: str) -> str:
    """An answer without content, which returns what the search finds."""
    return "\n".join(
        f"class {node.name}:\n    def __new__(cls, *arguments, **named):\n"
        f"        return _object({node.name!r}, arguments, named)"
        if isinstance(node, ast.ClassDef)
        else _function(node.name)
        for node in _defined(source)
    )


def _function(name: str) -> str:
    return f"def {name}(*arguments, **named):\n    return _answer({name!r}, arguments, named)"


def _defined(source: str) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


def _methods(node: ast.ClassDef) -> tuple[str, ...]:
    names = [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
    return tuple(name for name in names if not name.startswith("__"))


def _reported(run: Run) -> Iterator[tuple[str, str]]:
    """Exercises, and where their answers may be found."""
    for cell in nbformat.reads(run.notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            for line in output.get("text", "").splitlines():
                if line.startswith(REPORT):
                    name, _, place = line.removeprefix(REPORT).partition(" ")
                    yield name, place
