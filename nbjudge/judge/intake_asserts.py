"""Intake for grade cells of asserts: the run notebook is put together as nbgrader does it.

The student's notebook runs in the student's order. Only cells that nbgrader knows as locked are
restored, and those that are missing come back. Unlocked given cells are the student's to change.
"""

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from nbjudge.core.notebooks import METADATA_KEY, grade_id, has_evidence, is_solution, is_task
from nbjudge.judge import intake
from nbjudge.judge.intake import Assembled, SubmittedCell

HELPERS = "import-helpers"
"""The id of a first cell that lets the notebook import modules next to it, after all others."""


def assemble(template: NotebookNode, submitted: list[SubmittedCell]) -> Assembled:
    """The notebook that runs.

    Raises Stranger if no cell of the submission belongs to the template's assignment.
    """
    known = {name: cell for cell in template.cells if (name := grade_id(cell))}
    places = _places(template, known, submitted)
    if not places:
        raise intake.Stranger("the notebook holds no cell of this assignment")
    notes: list[str] = []
    found = {name: position for position, name in places.items()}
    written = {
        name for cell in submitted if cell.is_code for name in intake.definitions(cell.source)
    }
    given = {(cell.cell_type, cell.source.strip()) for cell in template.cells}
    following = _missing(template, found, written)
    cells = [_restored(cell, notes) for cell in following.get("", [])]
    for position, cell in enumerate(submitted):
        name = places.get(position, "")
        cells += [_known(known[name], cell, notes)] if name else [_own(cell, given)]
        if name and is_task(known[name]) and not _is_same(cell, known[name]):
            cells.append(_own(cell, set()))  # an answer typed into the task's cell is kept
        cells += [_restored(cell, notes) for cell in following.get(name, []) if name]
    for number, made in enumerate(cells):
        if "id" not in made:
            made["id"] = f"extra-{number}"
    cells = [runs_as_it_is(cell) for cell in [helpers(), *cells]]
    notebook = nbformat.from_dict({**template, "cells": cells})
    work = tuple(
        cell.source.strip()
        for position, cell in enumerate(submitted)
        if cell.source.strip() and _is_work(cell, known.get(places.get(position, "")), given)
    )
    return Assembled(notebook, tuple(notes), work)


def runs_as_it_is(cell: NotebookNode) -> NotebookNode:
    """`cell`, which shares the student's names and settings unless it observes."""
    if not has_evidence(cell):
        cell.metadata.setdefault(METADATA_KEY, {})["is_plain"] = True
    return cell


def without_helpers(notebook: NotebookNode) -> None:
    """Take the first cell out again."""
    notebook.cells = [cell for cell in notebook.cells if cell.id != HELPERS]


def helpers() -> NotebookNode:
    """The first cell of a run notebook."""
    return new_code_cell("import sys\nsys.path.append('')\ndel sys", id=HELPERS)


def _places(
    template: NotebookNode, known: dict[str, NotebookNode], submitted: list[SubmittedCell]
) -> dict[int, str]:
    """The grade_id of each submitted cell that nbgrader knows; of two, the last has it."""
    places: dict[int, str] = {}
    for position in reversed(range(len(submitted))):
        name = submitted[position].grade_id
        if name in known and name not in places.values():
            places[position] = name
    names = {cell.id: grade_id(cell) for cell in template.cells}
    for cell_id, position in intake.match(template, submitted).items():  # identities that got lost
        name = names[cell_id]
        if name and name not in places.values() and position not in places:
            places[position] = name
    return places


def _missing(
    template: NotebookNode, found: dict[str, int], written: set[str]
) -> dict[str, list[NotebookNode]]:
    """The cells that a submission lacks, by the grade_id of the one that each comes after."""
    missing: dict[str, list[NotebookNode]] = {}
    before = ""
    for cell in template.cells:
        name = grade_id(cell)
        if name in found:
            before = name
        elif name and not (is_solution(cell) and intake.definitions(cell.source) & written):
            missing.setdefault(before, []).append(cell)
    return missing


def _restored(original: NotebookNode, notes: list[str]) -> NotebookNode:
    what = "it counts as not written" if is_solution(original) else "it was put back"
    notes.append(f"The cell {grade_id(original)} is not in the notebook; {what}.")
    return _template(original)


def _known(original: NotebookNode, cell: SubmittedCell, notes: list[str]) -> NotebookNode:
    made = _template(original)
    if is_solution(original):
        made.source = cell.source
        notes += [cell.refused] if cell.refused else []
    elif not _is_same(cell, original) and not is_task(original):
        notes.append(f"The given cell {grade_id(original)} had been changed: the original ran.")
    return made


def _template(original: NotebookNode) -> NotebookNode:
    made = nbformat.from_dict(original)
    made.metadata[METADATA_KEY] = {"origin": "template"}
    return made


def _is_same(cell: SubmittedCell, original: NotebookNode) -> bool:
    """Whether a submitted cell is what students got: hidden tests, if any, are left out there."""
    return cell.source.strip() in (original.source.strip(), intake.released(original))


def _own(cell: SubmittedCell, given: set[tuple[str, str]]) -> NotebookNode:
    """A cell that nbgrader does not know: the student's own, or a given one without a lock."""
    kind = cell.kind
    new = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}[kind]
    made: NotebookNode = new(cell.source)
    is_given = (kind, cell.source.strip()) in given
    made.metadata[METADATA_KEY] = {"origin": "template" if is_given else "student"}
    del made["id"]
    return made


def _is_work(
    cell: SubmittedCell, original: NotebookNode | None, given: set[tuple[str, str]]
) -> bool:
    if original is None:
        return (cell.kind, cell.source.strip()) not in given
    return (is_solution(original) or is_task(original)) and not _is_same(cell, original)
