"""`nbjudge adopt`: an nbgrader course as it stands becomes one that `nbjudge grade` can grade.

It reads source/, submitted/, the configuration and the gradebook, and writes course.toml and one
line of nbgrader_config.py. Notebooks and scores stay as they are.
"""

import ast
import contextlib
import importlib.util
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from nbjudge.authoring import asserts, runs
from nbjudge.core.course import Course, assignment_of, notebook_of, unit
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.gradebook_place import place_of
from nbjudge.core.notebooks import (
    grade_id,
    has_evidence,
    is_task,
    is_test,
    points,
    read_notebook,
)
from nbjudge.judge import outcomes
from nbjudge.sandbox import engine
from nbjudge.sandbox.engine import Run, Task
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.shared.imports import foreign_imports, python

CONFIG = "nbgrader_config.py"
WIRING = "from nbjudge.plugins.nbgrader import wire; wire(get_config())  # nbjudge adopt"
USUAL = ("numpy", "scipy", "pandas", "matplotlib", "sympy")
"""Packages that students of a course import without its saying so, if they are installed."""

SILENT = r"print\(|np\.testing\.|numpy\.testing\.|assert|self\.assert"
"""How calls begin that have no value."""

NOT_OURS = frozenset("nbgrader nbjudge jupyter jupyterlab notebook IPython ipywidgets".split())
"""Packages that a notebook is never shown, or always."""


@dataclass(frozen=True)
class Remark:
    """Something about one cell, or about the whole notebook, that a person should know."""

    notebook: str
    cell: str
    sentence: str


@dataclass
class Found:
    """What there is in a course's folder."""

    taken: list[str] = field(default_factory=list)  # notebooks, by the names that they get
    refused: dict[str, str] = field(default_factory=dict)  # notebook → why
    packages: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # packages that are imported, but not installed
    remarks: list[Remark] = field(default_factory=list)
    counts: dict[str, tuple[int, float]] = field(default_factory=dict)  # cells and points


def adopt(folder: Path) -> Found:
    """Write course.toml and the wiring of nbgrader for the course in `folder`.

    Raises CourseError, before anything is written, if there is no such course, or it is one of
    ours already.
    """
    folder = folder.absolute()
    if (folder / "course.toml").exists():
        raise CourseError(f"{folder} has a course.toml already; nothing was changed.")
    if not (folder / "source").is_dir():
        raise CourseError(f"There is no folder source/ in {folder}: adopt an nbgrader course.")
    config = _config(folder)
    found = _look(folder)
    if not found.taken:
        reasons = " ".join(found.refused.values()) or "source/ holds no notebook."
        raise CourseError(f"There is nothing to take in {folder}: {reasons}")
    write_text(folder / "course.toml", _course_toml(folder, found, config))
    _wire(folder)
    return found


def _config(folder: Path) -> Config:
    """The course's nbgrader_config.py.  Raises CourseError if its files are elsewhere."""
    try:
        config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    except FileNotFoundError:
        return Config()
    except Exception as error:  # whatever a course's own code raises
        raise CourseError(f"{folder / CONFIG} cannot be read: {error}.") from error
    known = {"source_directory": "source", "submitted_directory": "submitted",
             "autograded_directory": "autograded", "release_directory": "release",
             "feedback_directory": "feedback",
             "directory_structure": "{nbgrader_step}/{student_id}/{assignment_id}"}  # fmt: skip
    place_of(folder)  # refuses what is neither SQLite nor PostgreSQL
    for name, usual in known.items():
        if (given := config.CourseDirectory.get(name, usual)) != usual:
            raise CourseError(
                f"{CONFIG} sets CourseDirectory.{name} to {given!r}, and nbjudge only knows "
                f"{usual!r}."
            )
    for section, names in DELIMITERS.items():
        if given_names := [name for name in names if name in config[section]]:
            raise CourseError(
                f"{CONFIG} sets {section}.{given_names[0]}, and nbjudge only knows nbgrader's own "
                "words for what is hidden."
            )
    return config


DELIMITERS = {
    "ClearHiddenTests": ("begin_test_delimeter", "end_test_delimeter"),
    "ClearMarkScheme": ("begin_mark_scheme_delimeter", "end_mark_scheme_delimeter"),
}
"""Settings of nbgrader's that say where hidden parts begin and end."""


def _look(folder: Path) -> Found:
    found = Found()
    sources: list[NotebookNode] = []
    for path in sorted((folder / "source").glob("*/*.ipynb")):
        name = unit(path.parent.name, path.stem)
        try:
            notebook = read_notebook(path)
            asserts.check_source(notebook, path)
            if not re.fullmatch(r"\w[\w.-]*(/\w[\w.+() -]*)?", name):
                raise CourseError(f"{name} has characters in its name that nbjudge does not take.")
        except CourseError as error:
            found.refused[name] = str(error)
            continue
        sources.append(notebook)
        found.taken.append(name)
        found.counts[name] = _counted(notebook)
        found.remarks += _remarks(name, notebook, _points_before(folder, name))
    headers = [read_notebook(path) for path in sorted((folder / "source").glob("*.ipynb"))]
    modules = {path.stem for path in (folder / "source").rglob("*.py")}
    wanted = _imported([*sources, *headers, *_submitted(folder)], folder) - modules - NOT_OURS
    installed = {name for name in {*wanted, *USUAL} if importlib.util.find_spec(name)}
    found.packages = tuple(sorted(installed))
    found.missing = tuple(sorted(wanted - installed))
    return found


def _counted(notebook: NotebookNode) -> tuple[int, float]:
    graded = [cell for cell in notebook.cells if is_task(cell) or _has_points(cell)]
    return len(graded), sum(map(points, graded))


def _has_points(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def _submitted(folder: Path) -> Iterator[NotebookNode]:
    for path in sorted((folder / "submitted").glob("*/*/*.ipynb")):
        with contextlib.suppress(CourseError, OSError):
            yield read_notebook(path)


def _imported(notebooks: Iterable[NotebookNode], folder: Path) -> set[str]:
    """The packages that notebooks and the modules next to them import, by their first names."""
    cells = {cell.source for one in notebooks for cell in one.cells if cell.cell_type == "code"}
    for path in (folder / "source").rglob("*.py"):
        cells.add(path.read_text(encoding="utf-8", errors="replace"))
    found = (name for cell in cells for _, name in foreign_imports(cell, ()))
    return {name.partition(".")[0] for name in found}


# ---- what a person should know


def _remarks(name: str, notebook: NotebookNode, before: dict[str, float]) -> list[Remark]:
    """What there is to say about the cells of a notebook without running it."""
    told: list[Remark] = []

    def say(cell: NotebookNode, sentence: str) -> None:
        told.append(Remark(name, str(grade_id(cell) or "a cell"), sentence))

    for cell in notebook.cells:
        if re.search(r"^(<{7}|>{7})( |$)", cell.source, re.MULTILINE):
            say(cell, "it holds git's conflict markers (<<<<<<<)")
        known = before.get(grade_id(cell) or "")
        if known is not None and known != points(cell):
            say(cell, f"it has {points(cell):g} points here and {known:g} in the gradebook")
        if not is_test(cell) or has_evidence(cell):
            continue
        if re.search(r"^# ?%%", cell.source, re.MULTILINE):
            say(cell, "a line '# %%' in it cuts it in two for jupytext: the second part loses its "
                "name, and runs as the student's own cell")  # fmt: skip
        if _gives_number(cell.source):
            say(cell, "its last value is its points; a NaN, a negative or too large one waits for "
                "a person, where nbgrader gives full points or stops")  # fmt: skip
    return told


def _gives_number(source: str) -> bool:
    """Whether a cell ends with an expression that may be a number of points."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        body = ast.parse(python(source)).body
        if body and isinstance(body[-1], ast.Expr):
            value = body[-1].value
            is_silent = re.match(SILENT, ast.unparse(value))
            return not isinstance(value, ast.Constant) and not is_silent
    return False


def _points_before(folder: Path, name: str) -> dict[str, float]:
    """The points of each cell in an SQLite gradebook; none if there is none."""
    path = place_of(folder).path
    if path is None or not path.exists():
        return {}
    query = """
        SELECT base_cell.name, grade_cells.max_score FROM grade_cells
        JOIN base_cell ON base_cell.id = grade_cells.id
        JOIN notebook ON notebook.id = base_cell.notebook_id
        JOIN assignment ON assignment.id = notebook.assignment_id
        WHERE assignment.name = ? AND notebook.name = ?"""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return dict(connection.execute(query, (assignment_of(name), notebook_of(name))))
    except sqlite3.DatabaseError:
        return {}


def try_solutions(
    course: Course, executor: NotebookExecutor, progress: Callable[[str], None]
) -> list[Remark]:
    """Run every solution as a submission runs, and tell where it does not get its points.

    progress: called with the name of each notebook that has run
    """
    jobs = {}
    for name in course.assignments:
        if course.assignment(name).has_asserts:
            jobs[name] = executor.submit(engine.run, _solution_task(course, name))
    told = []
    for name, job in jobs.items():
        told += _judged(course, name, job.result())
        progress(name)
    return told


def _solution_task(course: Course, name: str) -> Task:
    assignment = course.assignment(name)
    solution = asserts.template_of(read_notebook(course.source(name)))
    files = asserts.files_beside(course.source(name))
    return runs.solution_task(assignment, runs.carrying(solution, files))


def _judged(course: Course, name: str, run: Run) -> list[Remark]:
    source = asserts.with_ids(read_notebook(course.source(name)))
    told = []
    for key in asserts.cell_keys(course, source, source):
        outputs = run.outcomes.get(key.grade_id, ())
        verdict = outcomes.judge_outcome(key, outputs, run.stopped.get(key.grade_id))
        if verdict.score < verdict.points:
            why = " ".join(verdict.words)
            sentence = f"the solution itself gets {verdict.score:g} of {verdict.points:g}: {why}"
            told.append(Remark(name, key.grade_id, sentence.rstrip(".")))
    return told


# ---- what is written


def _course_toml(folder: Path, found: Found, config: Config) -> str:
    title = str(config.CourseDirectory.get("course_id", "") or folder.name)
    seconds = _seconds(config)
    lines = [
        "# Written by `nbjudge adopt`. docs/adopt.md says what the settings are.",
        "",
        f"title = {_quoted(title)}",
        "",
    ]
    for name in found.taken:
        lines += [
            "[[assignment]]",
            f"name = {_quoted(name)}",
            f"title = {_quoted(name)}",
            f"packages = [{', '.join(map(_quoted, found.packages))}]",
            'tests = "asserts"',
            *([f"limits.cell_seconds = {seconds:g}"] if seconds else []),
            "",
        ]
    return "\n".join(lines)


def _seconds(config: Config) -> float:
    """The time limit of each cell, if nbgrader's configuration sets one."""
    given: Any = None
    for section in (config.Execute, config.ExecutePreprocessor):
        given = section.get("timeout", given)
    if isinstance(given, int | float) and not isinstance(given, bool):
        return min(86_400, max(1, given)) if given > 0 else 3600
    return 0


def _quoted(text: str) -> str:
    """`text` as TOML."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _wire(folder: Path) -> None:
    path = folder / CONFIG
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if WIRING not in before:
        gap = "" if not before or before.endswith("\n") else "\n"
        write_text(path, f"{before}{gap}{WIRING}\n")
