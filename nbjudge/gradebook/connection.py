"""Connections to nbgrader's gradebook, with one clear sentence for every failure.

Code that only reads the gradebook opens it with `read_gradebook`, whose connection cannot write.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

from nbgrader.api import Gradebook, InvalidEntry
from sqlalchemy import event, text
from sqlalchemy.exc import DatabaseError

from nbjudge.core.archives import refuse_archive
from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import creation, postgresql
from nbjudge.gradebook.problems import DRIVER, unusable
from nbjudge.gradebook.rows import has_gradebook


@contextlib.contextmanager
def gradebook_errors(course: Course) -> Iterator[None]:
    """Convert the errors of a locked, read-only, full or lost gradebook to CourseError."""
    log = logging.getLogger("tornado.application")  # nbgrader's, with tracebacks
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError, InvalidEntry) as error:
        raise unusable(course, str(getattr(error, "orig", error))) from error
    except ImportError as error:
        if not course.gradebook_place.is_postgresql:
            raise
        raise CourseError(DRIVER) from error
    finally:
        log.setLevel(level)


def open_gradebook(course: Course) -> Gradebook:
    """The course's gradebook, for writing; created if there is none yet.

    It keeps the history of its scores, which `nbjudge.gradebook.history` reads.

    Raises CourseError if the course is an archive.
    """
    refuse_archive(course)
    create(course)
    gradebook = Gradebook(course.gradebook_url)
    if course.gradebook_place.is_postgresql:
        _listen(gradebook, postgresql.refuse_to_wait)
    return gradebook


def create(course: Course) -> None:
    """Create the course's gradebook if there is none, and complete one that is half made."""
    creation.ensure(course.gradebook_place)


def read_gradebook(course: Course) -> Gradebook:
    """The course's gradebook, for reading only: its connection refuses every change.

    Raises CourseError if there is no gradebook yet.
    """
    is_postgresql = course.gradebook_place.is_postgresql
    if not has_gradebook(course):
        where = course.gradebook_place.shown if is_postgresql else course.root
        raise CourseError(
            f"There is no gradebook in {where} yet: run `nbjudge build` or `nbjudge roster`."
        )
    gradebook = Gradebook(course.gradebook_url)
    _listen(gradebook, postgresql.refuse_writes if is_postgresql else _refuse_writes)
    return gradebook


def _listen(gradebook: Gradebook, to_new_connections: Any) -> None:
    gradebook.close()  # nbgrader's own connection, which is none of these
    event.listen(gradebook.engine, "connect", to_new_connections)


def _refuse_writes(connection: Any, _: Any) -> None:
    # unlike a file opened for reading, this can roll back what a killed program left half done
    connection.execute("PRAGMA query_only = ON")


def find_submitted(gradebook: Gradebook, name: str, student: str) -> Any:
    """The gradebook's entry for the notebook called `name` of `student`.

    Raises nbgrader's MissingEntry if there is none.
    """
    return gradebook.find_submission_notebook(notebook_of(name), assignment_of(name), student)


@contextlib.contextmanager
def in_one_transaction(gradebook: Gradebook) -> Iterator[None]:
    """Combine calls of gradebook methods, each of which commits, in one transaction.

    No other program of this package writes meanwhile.
    """
    session = gradebook.db
    commit = session.commit
    session.commit = session.flush
    try:
        with session.no_autoflush:
            if gradebook.engine.dialect.name == "postgresql":
                postgresql.lock(session)
            else:
                session.execute(text("BEGIN IMMEDIATE"))  # or two could both find nobody, and add
            yield
        commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.commit = commit


def check_writable(course: Course) -> None:
    """Raise CourseError if there is a gradebook that is locked or cannot be written."""
    refuse_archive(course)
    if not has_gradebook(course):
        return
    place = course.gradebook_place
    with gradebook_errors(course):
        if place.path is None:
            postgresql.check_writable(place)
            return
        with contextlib.closing(sqlite3.connect(place.path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
