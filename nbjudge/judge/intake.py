"""Intake of submissions: read as data, and merged into the template to make the notebook that runs.

Locked cells, order, points, and tags come from the template.  Only sources are taken from the
submission: solution and answer cells by their id, or else by the function or class that they
define, and the student's extra cells after the cell that they followed.
"""

import ast
import functools
import json
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from nbjudge.core.files import (
    NOT_KEPT,
    ORIGIN,
    NotAFile,
    TooLarge,
    digest,
    read_regular_file,
)
from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import (
    METADATA_KEY,
    as_shown,
    extra_credit,
    grade_id,
    is_answer,
    is_solution,
    is_task,
    nbgrader_metadata,
    without_wheel,
)
from nbjudge.core.times import TIMESTAMP
from nbjudge.judge.verdicts import CHANGED
from nbjudge.kernel.evidence import sendable
from nbjudge.shared.imports import foreign_imports, python

MOST_NOTEBOOKS = 10  # of one submission that are read


class Unreadable(Exception):
    """A submission that cannot be graded; the message is the reason, in a sentence."""


class Stranger(Unreadable):
    """A file that was read to its end and has nothing to do with the assignment."""


@dataclass(frozen=True)
class SubmittedCell:
    """The parts used of a submitted cell: an identity to look it up by, its type, its source."""

    cell_id: str
    grade_id: str | None
    is_code: bool
    source: str
    refused: str = ""  # why its own source is not run, in a sentence for the student
    is_raw: bool = False  # neither code nor text to read

    @property
    def kind(self) -> str:
        """What nbformat calls a cell like this."""
        return "raw" if self.is_raw else "code" if self.is_code else "markdown"


@dataclass(frozen=True)
class Assembled:
    """The notebook that runs, and notes for the student on how it was assembled."""

    notebook: NotebookNode
    notes: tuple[str, ...]
    work: tuple[str, ...] = ()  # what the student has written, cell by cell


@dataclass(frozen=True)
class Notebook:
    """One notebook of a submission: its text, or why it cannot be read."""

    name: str
    text: str = ""
    unreadable: str = ""


def read_notebooks(
    folder: Path, assignment: str, limits: Limits, siblings: Collection[str] = ()
) -> tuple[Notebook, ...]:
    """The notebooks submitted in `folder`, of which the assignment's comes first.

    siblings: names of the assignment's other notebooks: the one wanted has its own name, too

    Raises Unreadable if there is none, if there are too many, or if the only one cannot be read.
    """
    refused = not_kept(folder)
    kept = find_notebooks(folder, assignment)
    if siblings:
        kept = [path for path in kept if path.stem == assignment]
        refused = {name: why for name, why in refused.items() if Path(name).stem == assignment}
        if not kept and not refused:
            raise Unreadable(f"there is no {assignment}.ipynb in the submission")
    found = [_notebook(path, limits) for path in kept]
    found += [
        Notebook(shown(name), unreadable=reason)
        for name, reason in sorted(refused.items())
        if name.casefold().endswith(".ipynb")
    ]
    if not found:
        raise Unreadable(_why_no_notebook(folder, assignment, refused))
    if len(found) > MOST_NOTEBOOKS:
        raise Unreadable(f"there are {len(found)} notebooks in the submission: submit one of them")
    if len(found) == 1 and found[0].unreadable:
        raise Unreadable(found[0].unreadable)
    return tuple(found)


def _notebook(path: Path, limits: Limits) -> Notebook:
    try:
        return Notebook(shown(path.name), read_submission(path, limits))
    except Unreadable as error:
        return Notebook(shown(path.name), unreadable=str(error))


def not_kept(folder: Path) -> dict[str, str]:
    """Why files of the submission in `folder` were not kept, by their names."""
    try:
        noted = json.loads(read_regular_file(folder / NOT_KEPT, 100_000))
        return {str(name): str(reason) for name, reason in noted.items()}
    except (OSError, NotAFile, TooLarge, ValueError, RecursionError, AttributeError):
        return {}


def shown(name: str) -> str:
    """The `name` of a student's file as it can stand in a sentence."""
    kept = re.sub(r"[^\w.()+-]+", " ", sendable(name)).strip() or "a file"
    return kept if len(kept) <= 80 else f"{kept[:60]} ... {kept[-15:]}"


def read_submission(path: Path, limits: Limits) -> str:
    """The text of the submitted notebook at `path`.

    Raises Unreadable for anything but a regular file within the limits that holds text.
    """
    advice = "clear its outputs and submit it again"
    return _decode(read_file(path, limits.submission_bytes, advice), shown(path.name))


def read_file(path: Path, most_bytes: int, advice: str = "submit a smaller one") -> bytes:
    """The contents of the submitted file at `path`.

    advice: what to do about a file that is too large

    Raises Unreadable for anything but a regular file of at most `most_bytes`.
    """
    name = shown(path.name)
    try:
        return read_regular_file(path, most_bytes)
    except FileNotFoundError as error:
        raise Unreadable(f"there is no {name} in the submission") from error
    except OSError as error:
        raise Unreadable(f"{name} cannot be opened ({error.strerror})") from error
    except NotAFile as error:
        raise Unreadable(f"{name} is not a regular file") from error
    except TooLarge as error:
        raise Unreadable(why_too_large(name, most_bytes, advice)) from error


def why_too_large(name: str, most_bytes: int, advice: str = "") -> str:
    """Why the file called `name` was not read, and what to do."""
    if not advice:
        is_notebook = name.casefold().endswith(".ipynb")
        advice = "clear its outputs and submit it again" if is_notebook else "submit a smaller one"
    return f"{name} is larger than {most_bytes // 1_000_000} MB; {advice}"


def _decode(data: bytes, name: str) -> str:
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig"]
    for encoding in [*encodings, "cp1252"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{name} {_kind_of_bytes(data)}")


BEGINNINGS = (
    (b"PK\x03\x04", "is a zip archive: submit the notebook that is in it"),
    (b"\x1f\x8b", "is a compressed archive: submit the notebook that is in it"),
    (b"%PDF", "is a PDF, not a notebook: submit the notebook itself"),
)
"""How other files begin that were renamed, and what to do about them."""


def _kind_of_bytes(data: bytes) -> str:
    return next((words for start, words in BEGINNINGS if data.startswith(start)), "is not text")


def _kind_of_text(text: str) -> str:
    """What a `text` that is not JSON is instead, and what to do about it."""
    begins = text[:1000].lstrip("\ufeff \n\r\t\0")
    if not begins and not text.strip("\0 \n\r\t"):
        return "the notebook is empty; save it again and submit it"
    if found := next((w for start, w in BEGINNINGS if begins.encode().startswith(start)), ""):
        return f"the file {found}"
    if re.match(r"<(!doctype|html|\?xml)", begins, re.IGNORECASE):
        return "the file is a web page, not a notebook: download the notebook itself (.ipynb)"
    if begins.startswith("version https://git-lfs"):
        return "the file is only Git LFS's pointer to a notebook: submit the notebook itself"
    if re.search(r"^(<{7}|>{7})( |$)", text, re.MULTILINE):
        return (
            "the notebook holds git's conflict markers (<<<<<<<): resolve the conflict, open it "
            "once, and submit it again"
        )
    return "the notebook is not valid JSON; it may be cut off"


def find_notebooks(folder: Path, assignment: str) -> list[Path]:
    """The notebooks submitted in `folder`; the one called like the assignment comes first.

    Raises Unreadable if the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        raise Unreadable(why_closed(error)) from error
    found = [name for name in names if name.casefold().endswith(".ipynb") and name[0] != "."]
    found.sort(key=lambda name: name != f"{assignment}.ipynb")
    return [folder / name for name in found]


def why_closed(error: OSError) -> str:
    """Why the folder of a submission could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no notebook in the submission"
    return f"the submission's folder cannot be read ({error.strerror})"


def _why_no_notebook(folder: Path, assignment: str, refused: dict[str, str]) -> str:
    """Why there is no notebook in `folder`, by what is there instead, and what to do."""
    if refused:
        return next(iter(refused.values()))
    there = "there is no notebook in the submission"
    for path in sorted(folder.iterdir()):
        if path.name not in (ORIGIN, TIMESTAMP):
            if words := _instead(path, f"{assignment}.ipynb"):
                return f"{there}, but {words}"
    return there


def _instead(path: Path, notebook: str) -> str:
    """What is at `path` in place of the `notebook`, and what to do; "" if it is something else."""
    name, kind = shown(path.name), path.suffix.casefold()
    if path.is_dir():
        has_one = any(path.glob("**/*.ipynb"))
        return f"one in its folder {name}: submit the notebook without a folder" if has_one else ""
    for what, kinds in INSTEAD.items():
        if kind in kinds:
            return f"{what} {name}: submit the notebook itself, {notebook}"
    if ".ipynb" in path.name.casefold():
        return f"{name}: rename it to {notebook} and submit it again"
    return f"{name}: submit the notebook itself, {notebook}" if kind in (".json", ".txt") else ""


INSTEAD = {
    "the archive": (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".xz", ".bz2"),
    "the web page": (".html", ".htm", ".mhtml"),
    "the document": (".pdf", ".docx", ".odt", ".md", ".rtf"),
    "the program": (".py",),
}
"""What students submit instead of a notebook, by how its name ends."""


def parse_submission(text: str, assignment: str, limits: Limits) -> list[SubmittedCell]:
    """The cells of a submitted notebook.

    Raises Unreadable if `text` is not a notebook, is another assignment's, or has too many cells or
    too much code in them.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_kind_of_text(text)) from error
    if not isinstance(raw, dict) or not (
        isinstance(raw.get("cells"), list) or isinstance(raw.get("worksheets"), list)
    ):
        raise Stranger("the file is JSON, but not a notebook")  # whole, and without work
    named = raw.get("metadata") or {}
    named = named.get(METADATA_KEY) if isinstance(named, dict) else None
    other = named.get("assignment") if isinstance(named, dict) else None
    if isinstance(other, str) and other != assignment:
        told = f"the assignment {other}" if re.fullmatch(r"\w{1,60}", other) else "another one"
        raise Stranger(f"the notebook is of {told}, not of {assignment}")
    cells = _cells(raw)
    if len(cells) > limits.cells:
        raise Unreadable(f"the notebook has more than {limits.cells:,} cells")
    submitted = [found for cell in cells if (found := _submitted_cell(cell)) is not None]
    if sum(len(cell.source) for cell in submitted if cell.is_code) > limits.code_characters:
        most = f"{limits.code_characters:,}"
        raise Unreadable(f"the notebook has more than {most} characters of code")
    return [_within(cell, limits.cell_characters) for cell in submitted]


def _within(cell: SubmittedCell, most: int) -> SubmittedCell:
    """`cell`, or one that only says so if it has more than `most` characters of code."""
    if not cell.is_code or len(cell.source) <= most:
        return cell
    sentence = f"A cell has more than {most:,} characters of code: it was not run."
    return replace(cell, source=f"raise RuntimeError({sentence!r})", refused=sentence)


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
        is_raw=cell["cell_type"] == "raw",
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
    places = match(template, submitted)
    if not places:
        raise Stranger("the notebook holds no cell of this assignment")
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
    return Assembled(notebook, tuple(notes), _work(template, submitted, places))


def _work(
    template: NotebookNode, submitted: list[SubmittedCell], places: dict[str, int]
) -> tuple[str, ...]:
    """The sources that the student has written: own cells, and answers unlike those handed out."""
    given = {places[cell.id]: cell for cell in template.cells if cell.id in places}
    return tuple(
        cell.source.strip()
        for position, cell in enumerate(submitted)
        if cell.source.strip() and _is_work(cell.source, given.get(position))
    )


def _is_work(source: str, original: NotebookNode | None) -> bool:
    if original is None:
        return True
    can_hold_work = is_solution(original) or is_answer(original) or is_task(original)
    return can_hold_work and not _is_as_handed_out(source, original)


def match(template: NotebookNode, submitted: list[SubmittedCell]) -> dict[str, int]:
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
    try:
        tree = ast.parse(python(source))
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
        notes.append(f"The given cell {name} {CHANGED}")
    return [changed, cell]


def _is_as_handed_out(source: str, original: NotebookNode) -> bool:
    """Whether `source` is what students got for `original`, now or in an earlier version."""
    earlier = original.metadata.get(METADATA_KEY, {}).get("handed_out", [])
    return source.strip() == released(original) or digest(source.strip()) in earlier


def released(cell: NotebookNode) -> str:
    """The source of a locked cell as students got it."""
    return as_shown(cell).strip()


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
    if cell.refused:
        notes.append(cell.refused)
        return cell.source
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
