"""Rows of the gradebook's tables, read without nbgrader, whose import takes a second."""

import contextlib
import sqlite3
from typing import Any

from nbjudge.core.course import Course
from nbjudge.gradebook.problems import unusable


def has_gradebook(course: Course) -> bool:
    """Whether the course has a gradebook already.  Raises CourseError if nobody can know."""
    place = course.gradebook_place
    if place.path is not None:
        return place.path.exists() and place.path.stat().st_size > 0
    return has_table(course, "assignment")


def has_table(course: Course, name: str) -> bool:
    """Whether the gradebook, which exists, has a table called `name`."""
    if course.gradebook_place.is_postgresql:
        return rows(course, "SELECT to_regclass(:name)", name=name) != [(None,)]
    return bool(rows(course, "SELECT 1 FROM sqlite_master WHERE name = :name", name=name))


def rows(course: Course, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The rows that answer `query`, whose parameters are written like `:name`.

    They come in the order that the query asks for; without one, in any.

    Raises CourseError if the gradebook cannot be read.
    """
    place = course.gradebook_place
    if place.path is not None:
        try:
            with contextlib.closing(sqlite3.connect(place.path)) as connection:
                return connection.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise unusable(course, str(error)) from error
    from nbjudge.gradebook import postgresql  # a quarter of a second, needed only here

    with postgresql.errors(course), postgresql.reading(place) as server:
        return postgresql.fetched(server, query, parameters)
