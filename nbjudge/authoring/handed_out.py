"""History of releases: a record of every version that students have.

handed_out/<assignment>.json is small and belongs in git, so that every machine knows of each cell
in each version: what it is, its points, a digest of its text, and what its code defines. With it a
correction can be distinguished from a change that would lose students' work.
"""

import ast
import dataclasses
import json
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest, write_text
from nbjudge.core.notebooks import (
    INSTALL_ID,
    grade_id,
    is_answer,
    is_check,
    is_solution,
    is_task,
    is_test,
    library_wheel,
    read_notebook,
    without_wheel,
    worth,
)
from nbjudge.judge.answer_key import release_digest


@dataclass(frozen=True)
class Handed:
    """One cell of a version that was handed out."""

    id: str
    kind: str  # solution, test, check, task, answer, given; text that nbgrader does not know
    points: float
    text: str  # digest of its source
    defines: dict[str, str]  # top-level names, and a function's parameters: see _Names


@dataclass(frozen=True)
class Change:
    """One difference between what students have and what a release would be."""

    cell: str
    what: str
    consequence: str
    is_refused: bool = False


def text_digest(source: str) -> str:
    """The digest by which a cell's released text is known, whichever wheel it asks for."""
    return digest(without_wheel(source).strip())


def describe(release: NotebookNode) -> list[Handed]:
    """The cells of a released notebook, in the form that is recorded."""
    return [
        Handed(
            id=cell.id,
            kind=_kind(cell),
            points=worth(cell) if is_test(cell) or is_task(cell) else 0.0,
            text=text_digest(cell.source),
            defines=defines(cell.source) if _is_course_code(cell) else {},
        )
        for cell in release.cells
    ]


def _is_course_code(cell: NotebookNode) -> bool:
    """Whether `cell` is the notebook's own code, unlike the cell that installs the library."""
    return cell.cell_type == "code" and cell.id != INSTALL_ID


def _kind(cell: NotebookNode) -> str:
    kinds = (
        ("task", is_task),
        ("answer", is_answer),
        ("solution", is_solution),
        ("test", is_test),
        ("check", is_check),
        ("given", grade_id),
    )
    return next((name for name, is_kind in kinds if is_kind(cell)), "text")


def defines(source: str) -> dict[str, str]:
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return {}
    names = _Names()
    names.visit(tree)
    return names.found


class _Names(ast.NodeVisitor):
    """The names that code defines for later code: name → its parameters if it is a function, or "".

    The public members of a class are included, as `Class.method`.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.found[node.name] = _parameters(node.args)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        inside = _Names()
        for statement in node.body:
            inside.visit(statement)
        self.found[node.name] = ""
        for name, parameters in inside.found.items():
            if name.startswith("__") or not name.startswith("_"):
                self.found[f"{node.name}.{name}"] = parameters

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.found |= {(name.asname or name.name).split(".")[0]: "" for name in node.names}

    visit_ImportFrom = visit_Import

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.found[node.id] = ""

    def visit_ListComp(self, node: ast.expr) -> None:
        """Skip these expressions: they have their own scope."""

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp


def _parameters(arguments: ast.arguments) -> str:
    """The parameters of a function, as they are written; `=` marks a default, whatever it is."""
    bare = ast.arguments(
        posonlyargs=[ast.arg(one.arg) for one in arguments.posonlyargs],
        args=[ast.arg(one.arg) for one in arguments.args],
        vararg=ast.arg(arguments.vararg.arg) if arguments.vararg else None,
        kwonlyargs=[ast.arg(one.arg) for one in arguments.kwonlyargs],
        kw_defaults=[default and ast.Name("") for default in arguments.kw_defaults],
        kwarg=ast.arg(arguments.kwarg.arg) if arguments.kwarg else None,
        defaults=[ast.Name("") for _ in arguments.defaults],
    )
    return f"({ast.unparse(bare)})"


def versions(course: Course, assignment: str) -> list[list[Handed]]:
    """Every version of `assignment` that was handed out, oldest first.

    Raises CourseError if the record cannot be read.
    """
    try:
        entries = _entries(course, assignment)
        return [[Handed(**cell) for cell in version] for version in entries["versions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(course, assignment) from error


def asked_for(course: Course) -> list[str]:
    """The library's wheels that notebooks ask for which students have, of all assignments.

    Raises CourseError if a record cannot be read.
    """
    return sorted({name for one in course.assignments for name in _wheels(course, one)})


def _wheels(course: Course, assignment: str) -> list[str]:
    try:
        return [str(name) for name in _entries(course, assignment).get("wheels", [])]
    except (ValueError, TypeError) as error:
        raise _damaged(course, assignment) from error


def _entries(course: Course, assignment: str) -> dict[str, Any]:
    try:
        entries = json.loads(course.handed_out(assignment).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"versions": []}
    if not isinstance(entries, dict):
        raise ValueError("not a record")
    return entries


def _damaged(course: Course, assignment: str) -> CourseError:
    return CourseError(f"{course.handed_out(assignment)} is damaged; restore it from git.")


def hand_out(course: Course, assignment: str) -> bool:
    """Record that students get the release as it is; False if they have it already.

    Raises CourseError if there is no release yet, or one that would lose students' work.
    """
    course.assignment(assignment)
    release_digest(course, assignment)
    known = versions(course, assignment)
    release = read_notebook(course.release(assignment))
    current = describe(release)
    wheels = sorted({*_wheels(course, assignment), *map(library_wheel, _sources(release))} - {""})
    is_new = current not in known[-1:]
    if not is_new and wheels == _wheels(course, assignment):
        return False
    if is_new:
        check(course, assignment, release)
        known = [*known, current]
    entries: dict[str, Any] = {
        "versions": [[dataclasses.asdict(cell) for cell in version] for version in known]
    }
    if wheels:
        entries["wheels"] = wheels
    write_text(course.handed_out(assignment), json.dumps(entries, indent=1) + "\n")
    return True


def _sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.id == INSTALL_ID]


def is_ahead(course: Course, assignment: str) -> bool:
    """Whether students have the assignment, but not the release as it is now."""
    known = versions(course, assignment)
    return bool(known) and describe(read_notebook(course.release(assignment))) != known[-1]


def earlier_texts(course: Course, assignment: str, release: NotebookNode) -> dict[str, list[str]]:
    """By cell, the digests of texts that students may have but `release` no longer has."""
    current = {cell.id: cell.text for cell in describe(release)}
    texts: dict[str, set[str]] = {}
    for version in versions(course, assignment):
        for cell in version:
            if cell.text != current.get(cell.id):
                texts.setdefault(cell.id, set()).add(cell.text)
    return {name: sorted(found) for name, found in sorted(texts.items())}


def compare(course: Course, assignment: str, release: NotebookNode) -> list[Change]:
    """The changes that `release` would make to the newest version that students have.

    They may also have an older one: changes that are refused for one of these are included.
    """
    new = describe(release)
    *older, newest = versions(course, assignment) or [new]
    found = _differences(newest, new) + _added(newest, new)
    for version in older:
        found += [change for change in _differences(version, new) if change.is_refused]
    return list({(change.cell, change.what): change for change in found}.values())


def _differences(old: list[Handed], new: list[Handed]) -> list[Change]:
    by_id = {cell.id: cell for cell in new}
    changes = [change for cell in old for change in _changes(cell, by_id.get(cell.id))]
    return changes + _moved(old, new)


def _added(old: list[Handed], new: list[Handed]) -> list[Change]:
    before = {cell.id for cell in old}
    work = "those who have started do not have it"
    return [
        Change(cell.id, "is new", "tell students" if cell.kind == "text" else work,
               cell.kind != "text")
        for cell in new
        if cell.id not in before
    ]  # fmt: skip


def _moved(old: list[Handed], new: list[Handed]) -> list[Change]:
    """Code that would run in another order: students' own cells run after the cell above them."""
    runs = ("solution", "test", "check", "given")
    first, second = ([cell.id for cell in cells if cell.kind in runs] for cells in (old, new))
    before = [name for name in first if name in second]
    after = [name for name in second if name in first]
    stayed = {
        name
        for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        for name in before[block.a : block.a + block.size]
    }
    why = "students' own cells would run in another order"
    return [Change(name, "has moved", why, True) for name in after if name not in stayed]


def _changes(old: Handed, new: Handed | None) -> list[Change]:
    if new is None and old.kind == "text":
        return [Change(old.id, "is gone", "tell students")]
    if new is None:
        return [Change(old.id, "is gone", "students' work in it would be lost", True)]
    if new.kind != old.kind:
        what = f"was of the kind {old.kind} and is {new.kind}"
        why = (
            "submissions would lose it"
            if old.kind in ("solution", "answer")
            else "those who have started have it as it was"
        )
        return [Change(old.id, what, why, True)]
    changes = [*_changed_names(old, new)]
    if new.points != old.points:
        by_people = old.kind == "task"
        why = "people grade it by the old points" if by_people else "everybody is graded again"
        what = f"{old.points:g} points become {new.points:g}"
        changes.append(Change(old.id, what, why, by_people))
    if new.text != old.text and not any(change.is_refused for change in changes):
        changes.append(Change(old.id, "other text", CONSEQUENCES[old.kind]))
    return changes


CONSEQUENCES = {
    "solution": "those who have started keep what they have",
    "test": "everybody is graded again",
    "check": "tell students; grading uses the new one",
    "task": "tell students; answers stay",
    "answer": "those who have started keep what they have",
    "given": "tell students; grading uses the new one",
    "text": "tell students",
}


def _changed_names(old: Handed, new: Handed) -> list[Change]:
    """Changed names that students' code relies on, or is called by."""
    if old.kind not in ("solution", "given"):
        return []
    changes = []
    for name, parameters in old.defines.items():
        if name not in new.defines:
            why = (
                "those who have started have it under the old name"
                if old.kind == "solution"
                else "students' code may use it"
            )
            changes.append(Change(old.id, f"no longer defines {name}", why, True))
        elif new.defines[name] != parameters:
            why = (
                "functions written so far would be called wrongly"
                if old.kind == "solution"
                else "students' code may use it as it was"
            )
            what = f"{name}{parameters} becomes {name}{new.defines[name]}"
            changes.append(Change(old.id, what, why, True))
    return changes


def check(course: Course, assignment: str, release: NotebookNode) -> None:
    """Raise CourseError, with every reason, if `release` would lose students' work."""
    refused = [one for one in compare(course, assignment, release) if one.is_refused]
    if refused:
        reasons = "; ".join(f"{one.cell}: {one.what}, but {one.consequence}" for one in refused)
        raise CourseError(f"Students have {assignment} already, so this cannot change: {reasons}.")
