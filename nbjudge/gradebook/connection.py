"""nbgrader's gradebook, opened with one clear sentence for whatever may be wrong with it."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator

from nbgrader.api import Gradebook, InvalidEntry
from sqlalchemy.exc import DatabaseError

from nbjudge.core.course import Course
from nbjudge.gradebook.entered import unusable
from nbjudge.gradebook.nbgrader_config import find_alembic


@contextlib.contextmanager
def gradebook_errors(course: Course) -> Iterator[None]:
    """Turn what a locked, read-only or full gradebook raises into a CourseError."""
    log = logging.getLogger("tornado.application")  # nbgrader's, with tracebacks
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError, InvalidEntry) as error:
        raise unusable(course, str(getattr(error, "orig", error))) from error
    finally:
        log.setLevel(level)


def open_gradebook(course: Course) -> Gradebook:
    """The course's gradebook, made if there is none yet."""
    find_alembic()
    return Gradebook(course.gradebook_url)


def check_writable(course: Course) -> None:
    """Raise CourseError where there is a gradebook that is locked or cannot be written."""
    path = course.root / "gradebook.db"
    if path.exists():
        with gradebook_errors(course), contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
