"""Reading and writing notebooks, and the marked regions of a cell."""

import json
import re
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from nbjudge.core.errors import CourseError

METADATA_KEY = "nbjudge"
"""Metadata key for what the grader records about a notebook and its cells."""

INSTALL_ID = "install_library"
"""The id of the first cell of every release in a course with a library."""

LIBRARY_WHEEL = re.compile(r'^COURSE_LIBRARY = "(.*\.whl|)"$', re.MULTILINE)
"""The line of that cell which says where the library's wheel is."""

Region = Literal["SOLUTION", "HIDDEN TESTS", "KEY", "MARK SCHEME"]


def read_notebook(path: Path) -> NotebookNode:
    """The notebook at `path`, as nbformat 4.  Raises CourseError if it is not one."""
    try:
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except FileNotFoundError as error:
        raise CourseError(f"There is no notebook {path}.") from error
    except Exception as error:  # nbformat raises anything for a broken file
        raise CourseError(f"{path} is not a notebook: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def notebook_text(notebook: NotebookNode) -> str:
    """`notebook` as it is kept in git: sorted keys, sources as lists of lines, a final newline.

    Half of a surrogate pair, which a student's text may contain but no file can, becomes `?`.
    """
    text: str = nbformat.v4.nbjson.writes(notebook) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def compact_text(notebook: NotebookNode) -> str:
    """`notebook` as JSON that only programs read, which takes a tenth of the time to write.

    Keys are sorted, so that equal notebooks are equal texts.
    """
    return json.dumps(notebook, sort_keys=True)


def library_wheel(source: str) -> str:
    """The name of the library's wheel that a cell asks for; empty if it asks for none."""
    found = LIBRARY_WHEEL.search(source)
    return found[1].rpartition("/")[2] if found else ""


def without_wheel(source: str) -> str:
    """The source of a cell, asking for no wheel: no version of the library changes a grade."""
    return LIBRARY_WHEEL.sub('COURSE_LIBRARY = ""', source)


def nbgrader_metadata(cell: NotebookNode) -> dict[str, Any]:
    """nbgrader's metadata of `cell`; an empty dict if there is none."""
    known = cell.metadata.get("nbgrader", {})
    return known if isinstance(known, dict) else {}


def grade_id(cell: NotebookNode) -> str | None:
    """The `grade_id` of `cell`, or None."""
    found = nbgrader_metadata(cell).get("grade_id")
    return found if isinstance(found, str) else None


def is_test(cell: NotebookNode) -> bool:
    """Whether `cell` is a grade cell: hidden tests that earn points, or extra credit."""
    return _is_graded_code(cell) and worth(cell) != 0


def has_evidence(cell: NotebookNode) -> bool:
    """Whether `cell` is a grade cell that observes, and not one of asserts."""
    return is_test(cell) and bool(re.search(r"^\s*(from|import) nbjudge\b", cell.source, re.M))


def is_check(cell: NotebookNode) -> bool:
    """Whether `cell` is a visible check.

    For nbgrader it is a grade cell of zero points, so that its Validate button runs the check.
    """
    return _is_graded_code(cell) and worth(cell) == 0


def _is_graded_code(cell: NotebookNode) -> bool:
    known = nbgrader_metadata(cell)
    return bool(known.get("grade")) and not known.get("solution") and cell.cell_type == "code"


def is_task(cell: NotebookNode) -> bool:
    """Whether `cell` is a written task that people grade."""
    return bool(nbgrader_metadata(cell).get("task"))


def is_solution(cell: NotebookNode) -> bool:
    """Whether `cell` is code for the student to write."""
    return bool(nbgrader_metadata(cell).get("solution"))


def is_answer(cell: NotebookNode) -> bool:
    """Whether `cell` is the plain cell for a written answer, which follows its task's cell.

    nbgrader does not know it, so it is recognized by its id: `answer_1_1_1`.
    """
    plain = cell.cell_type == "markdown" and not nbgrader_metadata(cell)
    return plain and str(cell.get("id", "")).startswith("answer")


def points(cell: NotebookNode) -> float:
    return float(nbgrader_metadata(cell).get("points", 0))


def extra_credit(cell: NotebookNode) -> float:
    """The maximum extra credit that a grade cell of zero points earns; 0 for all others.

    nbgrader stores extra credit in the gradebook, but not in a cell's metadata; it is in ours.
    """
    known = cell.metadata.get(METADATA_KEY, {})
    return float(known.get("extra_credit", 0)) if points(cell) == 0 else 0.0


def readable(name: str, is_task: bool) -> str:
    """`sample_text_RNN_test` as `sample_text_RNN`, and `task_1_1_2` as `Task 1.1.2`."""
    if not is_task:
        return name.removesuffix("_test")
    words, _, number = name.partition("_")
    is_numbered = number.replace("_", "").isdigit()
    return f"{words.capitalize()} {number.replace('_', '.')}" if is_numbered else name


def scored_file(cell: NotebookNode) -> str:
    """The submitted file that a grade cell's points are for; empty if they are for code."""
    return str(cell.metadata.get(METADATA_KEY, {}).get("scored_file", ""))


def worth(cell: NotebookNode) -> float:
    """The points of `cell`, or the maximum extra credit that it earns."""
    return points(cell) or extra_credit(cell)


def region(source: str, name: Region) -> str | None:
    """The lines between `### BEGIN name` and `### END name`, or None without such a region.

    Raises CourseError for a region that is not closed, not opened, or nested.
    """
    inside: list[str] = []
    opened = found = False
    for line in source.split("\n"):
        if f"BEGIN {name}" in line and line.lstrip().startswith("###"):
            if opened:
                raise CourseError(f"a second 'BEGIN {name}' before the first one's end")
            opened = found = True
        elif f"END {name}" in line and line.lstrip().startswith("###"):
            if not opened:
                raise CourseError(f"an 'END {name}' without its beginning")
            opened = False
        elif opened:
            inside.append(line)
    if opened:
        raise CourseError(f"no 'END {name}'")
    return "\n".join(inside) if found else None


def without_region(source: str, name: Region, marker: str = "###") -> str:
    """`source` without its regions called `name`, their markers included.

    marker: how the line of a marker begins; nbgrader itself takes any line with its words
    """
    kept: list[str] = []
    opened = False
    for line in source.split("\n"):
        if f"BEGIN {name}" in line and line.lstrip().startswith(marker):
            opened = True
        elif f"END {name}" in line and line.lstrip().startswith(marker):
            opened = False
        elif not opened:
            kept.append(line)
    return "\n".join(kept).rstrip("\n")


def as_shown(cell: NotebookNode) -> str:
    """The source of `cell` without hidden tests, keys and mark schemes.

    In a cell of asserts' notebooks any line with nbgrader's words is a marker, as for nbgrader.
    """
    marker = "" if cell.metadata.get(METADATA_KEY, {}).get("is_plain") else "###"
    source = without_region(cell.source, "HIDDEN TESTS", marker)
    return without_region(without_region(source, "KEY"), "MARK SCHEME", marker)


def mentions_region(text: str) -> str | None:
    """The first marker of a region that must not leave the instructor's machine, or None."""
    found = re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|KEY|MARK SCHEME)", text)
    return found.group(0) if found else None


def solution_text(source: str) -> str:
    """A solution cell's source without the lines that mark its region."""
    lines = source.split("\n")
    markers = ("### BEGIN SOLUTION", "### END SOLUTION")
    return "\n".join(line for line in lines if line.strip() not in markers)
