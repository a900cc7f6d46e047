"""The ledger: writes to nbgrader's tables, in one transaction per submission.

Only results of automatic grading are written: scores, comments, and whether a person has to
look.  Manual scores and comments belong to the graders and are never changed.
"""

import functools
from types import TracebackType
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import BaseCell, Comment, Grade, Gradebook, MissingEntry
from traitlets.config import Config

from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import grade_id, is_solution, is_task
from nbjudge.core.times import naive
from nbjudge.gradebook import lateness, penalties, postgresql
from nbjudge.gradebook.connection import (
    find_submitted,
    gradebook_errors,
    in_one_transaction,
    open_gradebook,
    read_gradebook,
)
from nbjudge.gradebook.nbgrader_config import load_config
from nbjudge.gradebook.problems import unknown
from nbjudge.gradebook.rows import has_gradebook
from nbjudge.judge.verdicts import Record


def check_cells_kept(course: Course, assignment: str, template: NotebookNode) -> None:
    """Refuse a notebook whose nbgrader cells differ from those that students were graded with.

    Raises CourseError, naming the cells: the gradebook can no longer add or drop them.
    """
    if not has_gradebook(course):
        return
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        try:
            known = gradebook.find_notebook(notebook_of(assignment), assignment_of(assignment))
        except MissingEntry:
            return
        before = {cell.name for cell in known.source_cells} if known.submissions else None
    after = {name for cell in template.cells if (name := grade_id(cell))}
    if before is not None and before != after:
        added, dropped = sorted(after - before), sorted(before - after)
        changes = [f"{name} is new" for name in added] + [f"{name} is gone" for name in dropped]
        raise CourseError(
            f"Students have been graded with another {assignment}, so its graded and locked cells "
            f"can no longer be added, dropped or renamed: {', '.join(changes)}."
        )


def known_cells(course: Course, name: str) -> set[str]:
    """The names of the cells that the gradebook has of a notebook; none if it does not know it."""
    if not has_gradebook(course):
        return set()
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        try:
            found = gradebook.find_notebook(notebook_of(name), assignment_of(name))
        except MissingEntry:
            return set()
        return {cell.name for cell in found.source_cells}


def enter_extra_credit(gradebook: Gradebook, record: Record, before: Record | None = None) -> None:
    """Enter extra credit from the verdicts; nbgrader itself reads none from a cell.

    A grader's change to the extra credit in `before` is kept.
    """
    extra = _extra_credit(record)
    if not extra:
        return
    earlier = _extra_credit(before) if before else {}
    found = find_submitted(gradebook, record.assignment, record.student)
    for grade in found.grades:
        is_the_graders = grade.name in earlier and grade.extra_credit != earlier[grade.name]
        if grade.name in extra and not is_the_graders:
            grade.extra_credit = extra[grade.name]
    gradebook.db.commit()


def _extra_credit(record: Record) -> dict[str, float]:
    return {verdict.grade_id: verdict.score for verdict in record.verdicts if verdict.is_extra}


def enter_waiting(gradebook: Gradebook, record: Record) -> None:
    """Have cells wait for a person whose asserts gave no number of points."""
    waiting = {verdict.grade_id for verdict in record.verdicts if verdict.waits}
    if not waiting:
        return
    for grade in find_submitted(gradebook, record.assignment, record.student).grades:
        if grade.name in waiting:
            grade.auto_score, grade.needs_manual_grade = None, True
    gradebook.db.commit()


class Ledger:
    """The gradebook of one assignment, open for writing records."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course = course
        self.assignment = assignment

    def __enter__(self) -> "Ledger":
        with gradebook_errors(self.course):
            self.gradebook = open_gradebook(self.course)
            try:
                self.gradebook.find_assignment(assignment_of(self.assignment))
            except MissingEntry as error:
                self.gradebook.close()
                raise unknown(self.assignment) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gradebook.close()

    def enter(self, record: Record, notebook: NotebookNode, before: Record | None) -> None:
        """Enter `record` and its graded `notebook`, completely or not at all.

        before: the record entered last. If the submission has changed since, cells that people
                have graded wait for them again.
        """
        with gradebook_errors(self.course):
            postgresql.despite_restarts(lambda: self._enter(record, notebook, before))

    def _enter(self, record: Record, notebook: NotebookNode, before: Record | None) -> None:
        is_new = before is None or before.submission != record.submission
        with in_one_transaction(self.gradebook):
            self.gradebook.update_or_create_student(record.student)
            time = lateness.handed_in(self.course, record.student, self.assignment)
            self.gradebook.update_or_create_submission(
                assignment_of(self.assignment),
                record.student,
                timestamp=naive(time) if time else None,
            )
            grades = self._by_cell(Grade, record.student)
            comments = self._by_cell(Comment, record.student)
            for cell in notebook.cells:
                name = grade_id(cell)
                if utils.is_grade(cell):
                    _enter_grade(record, cell, grades[name])
                if is_task(cell) and is_new:
                    grades[name].needs_manual_grade = True
                if is_solution(cell) or is_task(cell):
                    _enter_comment(record, cell, comments[name])
            enter_waiting(self.gradebook, record)
            enter_extra_credit(self.gradebook, record, before)
            penalties.enter(self.course, self.gradebook, self._config, record)

    @functools.cached_property
    def _config(self) -> Config:
        return load_config(self.course)

    def _by_cell(self, kind: Any, student: str) -> dict[str | None, Any]:
        """A student's grades, or comments, by cell name, in one query."""
        found = find_submitted(self.gradebook, self.assignment, student)
        rows = self.gradebook.db.query(kind, BaseCell.name).join(
            BaseCell, kind.cell_id == BaseCell.id
        )
        return {name: entry for entry, name in rows.filter(kind.notebook_id == found.id)}


def _enter_grade(record: Record, cell: NotebookNode, grade: Grade) -> None:
    if record.status == "failed":
        grade.auto_score, grade.needs_manual_grade = None, True
        return
    grade.auto_score, _ = utils.determine_grade(cell)
    # as in nbgrader, a person looks again at cells that a person has graded before
    grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None


def _enter_comment(record: Record, cell: NotebookNode, comment: Comment) -> None:
    unchanged = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
    silent = unchanged and not is_task(cell) and record.status == "graded"
    comment.auto_comment = "No response." if silent else None
