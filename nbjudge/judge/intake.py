"""Intake of submissions: read as data, and merged into the template to make the notebook that runs.

Locked cells, order, points, and tags come from the template.  Only sources are taken from the
submission: solution and answer cells by their id, or else by the function or class that they
define, and the student's extra cells after the cell that they followed.
"""

import ast
import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from nbjudge.core.files import NotAFile, TooLarge, digest, read_regular_file
from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import (
    METADATA_KEY,
    extra_credit,
    grade_id,
    is_answer,
    is_solution,
    is_task,
    nbgrader_metadata,
    without_region,
    without_wheel,
)
from nbjudge.kernel.evidence import sendable
from nbjudge.shared.imports import foreign_imports


class Unreadable(Exception):
    """A submission that cannot be graded; the message is the reason, in a sentence."""


@dataclass(frozen=True)
class SubmittedCell:
    """The parts used of a submitted cell: an identity to look it up by, its type, its source."""

    cell_id: str
    grade_id: str | None
    is_code: bool
    source: str


@dataclass(frozen=True)
class Assembled:
    """The notebook that runs, and notes for the student on how it was assembled."""

    notebook: NotebookNode
    notes: tuple[str, ...]


def read_submission(path: Path, limits: Limits) -> str:
    """The text of the submitted notebook at `path`.

    Raises Unreadable for anything but a regular file within the limits that holds text.
    """
    return _decode(read_file(path, limits.submission_bytes), path.name)


def read_file(path: Path, most_bytes: int) -> bytes:
    """The contents of the submitted file at `path`.

    Raises Unreadable for anything but a regular file of at most `most_bytes`.
    """
    try:
        return read_regular_file(path, most_bytes)
    except FileNotFoundError as error:
        raise Unreadable(f"there is no {path.name} in the submission") from error
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be opened ({error.strerror})") from error
    except NotAFile as error:
        raise Unreadable(f"{path.name} is not a regular file") from error
    except TooLarge as error:
        raise Unreadable(
            f"{path.name} is larger than {most_bytes // 1_000_000} MB; "
            "clear its outputs and submit it again"
        ) from error


def _decode(data: bytes, name: str) -> str:
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig"]
    for encoding in [*encodings, "cp1252"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{name} is not text")


def find_notebook(folder: Path, assignment: str) -> Path:
    """The notebook submitted in `folder`: the assignment's, or the only one.

    Raises Unreadable if there is none, or several with other names.
    """
    expected = folder / f"{assignment}.ipynb"
    if expected.exists() or expected.is_symlink():
        return expected
    found = sorted(folder.glob("*.ipynb"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise Unreadable("there is no notebook in the submission")
    raise Unreadable(f"there are {len(found)} notebooks, and none is called {assignment}.ipynb")


def parse_submission(text: str, assignment: str, limits: Limits) -> list[SubmittedCell]:
    """The cells of a submitted notebook.

    Raises Unreadable if `text` is not a notebook, is another assignment's, or has too many cells or
    too much code in them.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the notebook is not valid JSON; it may be cut off") from error
    if not isinstance(raw, dict) or not (
        isinstance(raw.get("cells"), list) or isinstance(raw.get("worksheets"), list)
    ):
        raise Unreadable("the file is JSON, but not a notebook")
    named = raw.get("metadata") or {}
    named = named.get(METADATA_KEY) if isinstance(named, dict) else None
    other = named.get("assignment") if isinstance(named, dict) else None
    if isinstance(other, str) and other != assignment:
        told = f"the assignment {other}" if re.fullmatch(r"\w{1,60}", other) else "another one"
        raise Unreadable(f"the notebook is of {told}, not of {assignment}")
    cells = _cells(raw)
    if len(cells) > limits.cells:
        raise Unreadable(f"the notebook has more than {limits.cells:,} cells")
    submitted = [found for cell in cells if (found := _submitted_cell(cell)) is not None]
    if sum(len(cell.source) for cell in submitted if cell.is_code) > limits.code_characters:
        most = f"{limits.code_characters:,}"
        raise Unreadable(f"the notebook has more than {most} characters of code")
    return submitted


def _cells(raw: dict[str, Any]) -> list[Any]:
    """The cells of a raw notebook of any format, without validating what is not needed."""
    if isinstance(raw.get("cells"), list):
        return list(raw["cells"])
    try:  # nbformat 3 and older keep their cells in worksheets
        upgraded = nbformat.convert(nbformat.from_dict(raw), 4)
    except Exception as error:  # anything for a malformed old notebook
        raise Unreadable("the notebook's format is too old to be read") from error
    return list(upgraded.cells)


def _submitted_cell(cell: Any) -> SubmittedCell | None:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    metadata = cell.get("metadata")
    known = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    found = known.get("grade_id") if isinstance(known, dict) else None
    names = [cell.get("id"), metadata.get("id") if isinstance(metadata, dict) else None]
    return SubmittedCell(
        cell_id=next((name for name in names if isinstance(name, str)), ""),  # Colab's is metadata
        grade_id=found if isinstance(found, str) else None,
        is_code=cell["cell_type"] == "code",
        source=without_wheel(sendable(source).replace("\r\n", "\n").replace("\r", "\n")),
    )


def assemble(
    template: NotebookNode, submitted: list[SubmittedCell], packages: Iterable[str]
) -> Assembled:
    """The notebook that runs: the template with the student's cells in it.

    A student's cell that imports anything but `packages` and the standard library is replaced by
    one that says so.  Raises Unreadable if no cell of the submission belongs to the template's
    assignment.
    """
    places = _match(template, submitted)
    if not places:
        raise Unreadable("the notebook holds no cell of this assignment")
    notes: list[str] = []
    extra = _extra_cells(submitted, places)
    written = {name for cell in submitted if cell.is_code for name in definitions(cell.source)}
    cells: list[NotebookNode] = []
    waiting = extra.get(None, [])
    for original in template.cells:
        position = places.get(original.id)
        if position is not None or not is_solution(original):
            cells += [_extra_cell(cell, packages, notes) for cell in waiting]
            waiting = []  # a restored stub comes before what may replace it
        if position is None and is_solution(original) and definitions(original.source) & written:
            continue  # merged into another cell, which its stub would undo
        found = None if position is None else submitted[position]
        cells += _place(original, found, packages, notes)
        waiting = waiting + extra.get(original.id, [])
    cells += [_extra_cell(cell, packages, notes) for cell in waiting]
    for number, cell in enumerate(cells):
        if "id" not in cell:
            cell["id"] = f"extra-{number}"
    notebook = nbformat.from_dict({**template, "cells": cells})
    return Assembled(notebook, tuple(notes))


def _match(template: NotebookNode, submitted: list[SubmittedCell]) -> dict[str, int]:
    """Template cell id → position of its counterpart in the submission."""
    by_name: dict[str, int] = {}
    for position, cell in enumerate(submitted):
        for name in (cell.grade_id, cell.cell_id):
            if name:
                by_name.setdefault(name, position)
    places: dict[str, int] = {}
    for cell in template.cells:
        found = by_name.get(grade_id(cell) or cell.id, by_name.get(cell.id))
        if found is not None and submitted[found].is_code == (cell.cell_type == "code"):
            places[cell.id] = found
    _match_by_definition(template, submitted, places)
    _match_by_text(template, submitted, places)
    _match_answers(template, submitted, places)
    return places


def _match_by_definition(
    template: NotebookNode, submitted: list[SubmittedCell], places: dict[str, int]
) -> None:
    """Find solution cells with a lost identity, by a name that they define."""
    taken = set(places.values())
    for cell in template.cells:
        if cell.id in places or cell.cell_type != "code" or not is_solution(cell):
            continue
        wanted = definitions(cell.source)
        for position in reversed(range(len(submitted))):  # the last definition counts
            candidate = submitted[position]
            if position not in taken and candidate.is_code and wanted:
                if wanted & definitions(candidate.source):
                    places[cell.id] = position
                    taken.add(position)
                    break


def _match_by_text(
    template: NotebookNode, submitted: list[SubmittedCell], places: dict[str, int]
) -> None:
    """Find given cells whose identity another editor dropped, by their text."""
    free: dict[tuple[bool, str], int] = {}
    for position in reversed(range(len(submitted))):
        if position not in places.values():
            cell = submitted[position]
            free[cell.is_code, cell.source.strip()] = position
    for cell in template.cells:
        text = cell.cell_type == "code", released(cell)
        is_given = not (is_solution(cell) or is_answer(cell))
        if cell.id not in places and is_given and text[1] and text in free:
            places[cell.id] = free.pop(text)


def _match_answers(
    template: NotebookNode, submitted: list[SubmittedCell], places: dict[str, int]
) -> None:
    """Find a written answer with a lost identity: the text right below its task."""
    for task, answer in pairwise(template.cells):
        position = places.get(task.id, -2) + 1
        if not is_answer(answer) or answer.id in places or not 0 < position < len(submitted):
            continue
        if not submitted[position].is_code and position not in places.values():
            places[answer.id] = position


@functools.lru_cache(maxsize=1_000)
def definitions(source: str) -> frozenset[str]:
    """Names that `source` defines at its top level: functions, classes and variables."""
    from IPython.core.inputtransformer2 import TransformerManager  # slow, and not always needed

    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    assigned = (
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )
    functions = {node.name for node in tree.body if isinstance(node, kinds)}
    names = (target.id for target in assigned if isinstance(target, ast.Name))
    return frozenset(functions | set(names))


def _extra_cells(
    submitted: list[SubmittedCell], places: dict[str, int]
) -> dict[str | None, list[SubmittedCell]]:
    """The student's own cells, by the id of the template cell that each followed, or None."""
    owner = {position: cell_id for cell_id, position in places.items()}
    extra: dict[str | None, list[SubmittedCell]] = {}
    anchor: str | None = None
    for position, cell in enumerate(submitted):
        if position in owner:
            anchor = owner[position]
        elif cell.source.strip():
            extra.setdefault(anchor, []).append(cell)
    return extra


def _place(
    original: NotebookNode,
    found: SubmittedCell | None,
    packages: Iterable[str],
    notes: list[str],
) -> list[NotebookNode]:
    """The cells that take the place of `original` in the template."""
    cell = nbformat.from_dict(original)
    cell.metadata[METADATA_KEY] = {"origin": "template"}
    if extra_credit(original):
        cell.metadata[METADATA_KEY]["extra_credit"] = extra_credit(original)
    name = grade_id(cell) or cell.id
    if is_solution(cell) or is_answer(cell):
        if found is None:
            notes.append(f"The cell {name} is not in the notebook; it counts as not written.")
        else:
            cell.source = _allowed_source(found, packages, notes) if found.is_code else found.source
        return [cell]
    if found is None or _is_as_handed_out(found.source, original):
        return [cell]
    if is_task(cell):  # an answer typed into the task cell is kept
        return [cell, _markdown_cell(found.source, "changed")]
    if not found.is_code or not nbgrader_metadata(cell):
        return [cell]
    changed = _extra_cell(found, packages, notes)
    changed.metadata[METADATA_KEY] = {"origin": "changed"}
    if "tags" in cell.metadata:  # grading skips it in any version
        changed.metadata["tags"] = cell.metadata.tags
    else:
        notes.append(
            f"The given cell {name} had been changed: your version ran first, then the original."
        )
    return [changed, cell]


def _is_as_handed_out(source: str, original: NotebookNode) -> bool:
    """Whether `source` is what students got for `original`, now or in an earlier version."""
    earlier = original.metadata.get(METADATA_KEY, {}).get("handed_out", [])
    return source.strip() == released(original) or digest(source.strip()) in earlier


def released(cell: NotebookNode) -> str:
    """The source of a locked cell as students got it."""
    source = without_region(without_region(cell.source, "HIDDEN TESTS"), "MARK SCHEME")
    return source.strip()


def _extra_cell(cell: SubmittedCell, packages: Iterable[str], notes: list[str]) -> NotebookNode:
    if not cell.is_code:
        return _markdown_cell(cell.source, "student")
    made = new_code_cell(_allowed_source(cell, packages, notes))
    made.metadata[METADATA_KEY] = {"origin": "student"}
    del made["id"]
    return made


def _markdown_cell(source: str, origin: str) -> NotebookNode:
    made = new_markdown_cell(source)
    made.metadata[METADATA_KEY] = {"origin": origin}
    del made["id"]
    return made


def _allowed_source(cell: SubmittedCell, packages: Iterable[str], notes: list[str]) -> str:
    """The cell's source, or one that raises ImportError if the assignment forbids an import."""
    allowed = tuple(packages)
    strangers = dict.fromkeys(package for _, package in foreign_imports(cell.source, allowed))
    if not strangers:
        return cell.source
    sentence = (
        f"This assignment may import {', '.join(allowed)} and Python's standard library, "
        f"not {', '.join(strangers)}: the cell was not run."
    )
    notes.append(sentence)
    return f"raise ImportError({sentence!r})"
