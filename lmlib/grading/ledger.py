"""The ledger: nbgrader's own tables, one transaction a submission.

Only what the machine found is ever written: automatic scores, automatic comments and whether a
person has to look.  Manual scores and comments are a grader's, and stay as they are.
"""

import contextlib
import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Grade, Gradebook, InvalidEntry, MissingEntry
from sqlalchemy.exc import DatabaseError

from lmlib.grading.course import Course, CourseError
from lmlib.grading.notebooks import grade_id, is_solution, is_task
from lmlib.grading.record import Record


@contextlib.contextmanager
def gradebook_errors(course: Course) -> Iterator[None]:
    """Turn what a locked, read-only or full gradebook raises into a CourseError."""
    log = logging.getLogger("tornado.application")  # nbgrader's, with tracebacks
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError, InvalidEntry) as error:
        reason = str(getattr(error, "orig", error))
        if "locked" in reason:
            reason = "it is locked by another program"
        raise CourseError(
            f"The gradebook {course.root / 'gradebook.db'} cannot be used: {reason}; close what "
            "uses it and run the command again. What was graded before is kept."
        ) from error
    finally:
        log.setLevel(level)


def open_gradebook(course: Course) -> Gradebook:
    """The course's gradebook, made if there is none yet."""
    find_alembic()
    return Gradebook(course.gradebook_url)


def find_alembic() -> None:
    """Put this Python's programs on the PATH: nbgrader calls alembic by its name alone."""
    programs = str(Path(sys.executable).parent)
    if shutil.which("alembic") is None:
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"


def check_writable(course: Course) -> None:
    """Raise CourseError where there is a gradebook that is locked or cannot be written."""
    path = course.root / "gradebook.db"
    if path.exists():
        with gradebook_errors(course), contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()


def check_cells_kept(course: Course, assignment: str, template: NotebookNode) -> None:
    """Refuse a notebook with other nbgrader cells than one that students have been graded with.

    Raises CourseError, naming the cells: a gradebook cannot add or drop them any more.
    """
    if not (course.root / "gradebook.db").exists():
        return
    with gradebook_errors(course), open_gradebook(course) as gradebook:
        try:
            known = gradebook.find_notebook(assignment, assignment)
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


class Ledger:
    """The gradebook of one assignment, open for entering records."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course = course
        self.assignment = assignment

    def __enter__(self) -> "Ledger":
        with gradebook_errors(self.course):
            self.gradebook = open_gradebook(self.course)
            try:
                self.gradebook.find_assignment(self.assignment)
            except MissingEntry as error:
                self.gradebook.close()
                raise CourseError(
                    f"The gradebook does not know {self.assignment} yet; "
                    f"run `lmlib build {self.assignment}`."
                ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gradebook.close()

    def holds(self, record: Record) -> bool:
        """Whether the gradebook has the scores of `record`."""
        with gradebook_errors(self.course):
            try:
                for verdict in record.verdicts:
                    grade = self._grade(verdict.grade_id, record.student)
                    if grade.auto_score != verdict.score:
                        return False
            except MissingEntry:
                return False
        return True

    def enter(self, record: Record, notebook: NotebookNode, is_new: bool) -> None:
        """Enter what `record` and its graded `notebook` say, whole or not at all.

        With a submission that `is_new`, what people have graded waits for them again.
        """
        with gradebook_errors(self.course), self._transaction():
            self.gradebook.update_or_create_student(record.student)
            self.gradebook.update_or_create_submission(
                self.assignment, record.student, timestamp=self._timestamp(record.student)
            )
            for cell in notebook.cells:
                if utils.is_grade(cell):
                    self._enter_grade(record, cell)
                if is_task(cell) and is_new:
                    self._grade(grade_id(cell), record.student).needs_manual_grade = True
                if is_solution(cell) or is_task(cell):
                    self._enter_comment(record, cell)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Make the gradebook's methods, each of which commits, one transaction."""
        session = self.gradebook.db
        commit = session.commit
        session.commit = session.flush
        try:
            with session.no_autoflush:
                yield
            commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.commit = commit

    def _enter_grade(self, record: Record, cell: NotebookNode) -> None:
        grade = self._grade(grade_id(cell), record.student)
        if record.status == "failed":
            grade.auto_score, grade.needs_manual_grade = None, True
            return
        grade.auto_score, _ = utils.determine_grade(cell)
        # a person looks again at what a person has graded once, as nbgrader has it
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None

    def _enter_comment(self, record: Record, cell: NotebookNode) -> None:
        comment = self.gradebook.find_comment(
            grade_id(cell), self.assignment, self.assignment, record.student
        )
        unchanged = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
        silent = unchanged and not is_task(cell) and record.status == "graded"
        comment.auto_comment = "No response." if silent else None

    def _grade(self, cell: str | None, student: str) -> Grade:
        return self.gradebook.find_grade(cell, self.assignment, self.assignment, student)

    def _timestamp(self, student: str) -> datetime | None:
        """When `student` handed in, by the timestamp.txt that nbgrader puts beside it."""
        path = self.course.submitted(student, self.assignment) / "timestamp.txt"
        try:
            return utils.parse_utc(path.read_text(encoding="utf-8").strip())
        except (OSError, ValueError, OverflowError):
            return None
