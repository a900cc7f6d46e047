"""Connections to nbgrader's gradebook, with one clear sentence for every failure.

Code that only reads the gradebook opens it with `read_gradebook`, whose connection cannot write.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

from nbgrader.api import Gradebook, InvalidEntry
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

from nbjudge.core.archives import refuse_archive
from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import history
from nbjudge.gradebook.entered import unusable
from nbjudge.gradebook.nbgrader_config import find_alembic


@contextlib.contextmanager
def gradebook_errors(course: Course) -> Iterator[None]:
    """Convert the errors of a locked, read-only, or full gradebook to CourseError."""
    log = logging.getLogger("tornado.application")  # nbgrader's, with tracebacks
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError, InvalidEntry) as error:
        raise unusable(course, str(getattr(error, "orig", error))) from error
    finally:
        log.setLevel(level)


def has_gradebook(course: Course) -> bool:
    """Whether the course has a gradebook already."""
    return (course.root / "gradebook.db").exists()


def open_gradebook(course: Course) -> Gradebook:
    """The course's gradebook, for writing; created if there is none yet.

    It keeps the history of its scores, which `nbjudge.gradebook.history` reads.

    Raises CourseError if the course is an archive.
    """
    refuse_archive(course)
    find_alembic()
    gradebook = Gradebook(course.gradebook_url)
    history.keep(course.root / "gradebook.db")
    return gradebook


def read_gradebook(course: Course) -> Gradebook:
    """The course's gradebook, for reading only: its connection refuses every change.

    Raises CourseError if there is no gradebook yet.
    """
    if not has_gradebook(course):
        raise CourseError(
            f"There is no gradebook in {course.root} yet: run `nbjudge build` or `nbjudge roster`."
        )
    find_alembic()
    gradebook = Gradebook(course.gradebook_url)
    gradebook.close()  # nbgrader's own connection, which could write
    event.listen(gradebook.engine, "connect", _refuse_writes)
    return gradebook


def _refuse_writes(connection: Any, _: Any) -> None:
    # unlike a file opened for reading, this can roll back what a killed program left half done
    connection.execute("PRAGMA query_only = ON")


def find_submitted(gradebook: Gradebook, name: str, student: str) -> Any:
    """The gradebook's entry for the notebook called `name` of `student`.

    Raises nbgrader's MissingEntry if there is none.
    """
    return gradebook.find_submission_notebook(notebook_of(name), assignment_of(name), student)


def check_writable(course: Course) -> None:
    """Raise CourseError if there is a gradebook that is locked or cannot be written."""
    refuse_archive(course)
    if has_gradebook(course):
        path = course.root / "gradebook.db"
        with gradebook_errors(course), contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
