"""Written tasks that a student left blank: a person may give all of them 0 at once."""

from nbformat import NotebookNode

from nbjudge.core.notebooks import METADATA_KEY, grade_id, is_answer, is_solution, is_task
from nbjudge.pages.feedback_page import UNANSWERED


def blank_tasks(notebook: NotebookNode) -> list[str]:
    """The tasks of a graded notebook with nothing written below them, in its order.

    An answer may be in the task's own cell, which is kept as a cell after it, in the cell for the
    answer, or in a cell that the student has added.
    """
    blank: list[str] = []
    for cell in notebook.cells:
        origin = cell.metadata.get(METADATA_KEY, {}).get("origin", "template")
        if is_task(cell):
            blank.append(grade_id(cell) or "")
            is_open = True
        elif blank and is_open and (origin != "template" or is_answer(cell)):
            if cell.source.strip() not in UNANSWERED:
                blank.pop()
                is_open = False
        elif is_solution(cell) or origin == "template":
            is_open = False
    return blank
