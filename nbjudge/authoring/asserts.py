"""Builds of assignments whose grade cells hold asserts, as in any nbgrader course.

The notebook stays as it is. Cells that observe are built as everywhere else; the others get a key
that only says that their outcome counts.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest
from nbjudge.core.notebooks import (
    METADATA_KEY,
    extra_credit,
    grade_id,
    has_evidence,
    is_task,
    is_test,
    nbgrader_metadata,
    worth,
)
from nbjudge.gradebook.nbgrader_config import load_config
from nbjudge.judge.answer_key import CellKey
from nbjudge.judge.intake_asserts import runs_as_it_is

AUTOTEST = re.compile(r"^\s*### (HASHED )?AUTOTEST\b", re.MULTILINE)
LARGEST = 100_000_000  # bytes of all files next to a notebook


def language(notebook: NotebookNode) -> str:
    """The language of `notebook`'s kernel, in lower case; empty if it names none."""
    spec = notebook.metadata.get("kernelspec", {})
    info = notebook.metadata.get("language_info", {})
    return str(spec.get("language") or info.get("name") or "").lower()


def check_source(source: NotebookNode, path: Path) -> None:
    """Raise CourseError, with the reason, if the notebook at `path` cannot be taken."""
    if (found := language(source)) not in ("", "python"):
        kernel = source.metadata.get("kernelspec", {}).get("name", found)
        raise CourseError(
            f"{path.name} is for the kernel {kernel!r} ({found}), and nbjudge runs Python only: "
            "grade it with `nbgrader autograde`."
        )
    seen: set[str] = set()
    for cell in source.cells:
        name = grade_id(cell)
        if nbgrader_metadata(cell) and (nbgrader_metadata(cell).get("grade") or name):
            if not name:
                raise CourseError(f"{path.name} has a grade cell without a grade_id.")
            if name in seen:
                raise CourseError(
                    f"{path.name}, cell {name}: this grade_id occurs twice, so nobody can say "
                    "whose points are whose; give one of them another."
                )
            seen.add(name)
        if AUTOTEST.search(cell.source):
            raise CourseError(
                f"{path.name}, cell {name}: nbgrader makes its asserts from AUTOTEST lines when it "
                "generates the assignment, and nbjudge does not; put the asserts themselves there."
            )
    if not any(is_test(cell) or is_task(cell) or _is_manual(cell) for cell in source.cells):
        raise CourseError(f"{path.name} has no cell with points.")


def _is_manual(cell: NotebookNode) -> bool:
    known = nbgrader_metadata(cell)
    return bool(known.get("grade")) and bool(known.get("solution"))


def with_ids(notebook: NotebookNode) -> NotebookNode:
    """`notebook`, with the grade_id as the id of each cell that has one."""
    made = nbformat.from_dict(notebook)
    made["nbformat_minor"] = max(5, made.get("nbformat_minor", 5))
    for number, cell in enumerate(made.cells):
        cell["id"] = grade_id(cell) or f"given-{number}"
    return made


def template_of(template: NotebookNode) -> NotebookNode:
    """The template, in whose cells given code and students' share their names."""
    made = with_ids(template)
    made.metadata.setdefault(METADATA_KEY, {})
    made.cells = [runs_as_it_is(cell) for cell in made.cells]
    return made


def cell_keys(course: Course, template: NotebookNode, released: NotebookNode) -> list[CellKey]:
    """The keys of all cells of asserts, in the template's order."""
    config = load_config(course).IgnorePattern
    pattern = str(config.get("pattern", "")) if config.get("enabled") else ""
    shown = {grade_id(cell): cell.source for cell in released.cells}
    return [
        CellKey(
            cell.id,
            worth(cell),
            (),
            is_extra=bool(extra_credit(cell)),
            has_asserts=True,
            is_hidden=cell.source.strip() != str(shown.get(cell.id, "")).strip(),
            ignored_stderr=pattern,
        )
        for cell in template.cells
        if is_test(cell) and not has_evidence(cell)
    ]


def files_beside(path: Path) -> dict[str, bytes]:
    """The files next to the notebook at `path`, and below, which nbgrader copies too.

    Raises CourseError if they are too large to go with every notebook.
    """
    found = {name: file.read_bytes() for name, file in _files(path.parent)}
    if sum(map(len, found.values())) > LARGEST:
        raise CourseError(
            f"The files in {path.parent} have more than {LARGEST // 1_000_000} MB: each notebook "
            "would be graded with a copy of them."
        )
    return found


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_left_out = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and path.suffix not in (".ipynb", ".pyc") and not is_left_out:
            yield "/".join(parts), path


def files_digest(files: dict[str, bytes]) -> str:
    """A digest of files, by name and content."""
    return digest(*(part for item in sorted(files.items()) for part in item))
