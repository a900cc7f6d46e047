"""The history of all scores: who changed which one, when, from what to what.

It is a table of our own in the gradebook's database, written by triggers. So it also has what the
formgrader, nbgrader's own commands and other programs change, and nobody can forget to write it.
A program that imports this module signs its changes; what any other program changes has no name.
"""

from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path

from nbjudge.core.course import Course, assignment_of
from nbjudge.core.errors import CourseError
from nbjudge.core.tables import Table, harmless, write_table
from nbjudge.gradebook import history_postgresql, history_sqlite
from nbjudge.gradebook.rows import has_gradebook, has_table, rows
from nbjudge.gradebook.score_changes import TABLE, UNNAMED, Change

__all__ = ["UNNAMED", "Change", "changes", "statements", "write_changes"]

QUERY = f"""
SELECT time, who, program, student, assignment, cell, score, before, after FROM {TABLE} ORDER BY id
"""


def statements(is_postgresql: bool) -> Iterable[str]:
    """SQL that has a gradebook keep the history of its scores, from now on."""
    return (history_postgresql if is_postgresql else history_sqlite).statements()


def changes(course: Course, assignments: Iterable[str]) -> list[Change]:
    """All changes of scores in `assignments`, the earliest first.

    Raises CourseError if there is no gradebook, or it cannot be read.
    """
    if not has_gradebook(course):
        raise CourseError(f"There is no gradebook in {course.root} yet, and so no history.")
    wanted = set(map(assignment_of, assignments))
    found = rows(course, QUERY) if has_table(course, TABLE) else []
    return [change for change in (Change(*row) for row in found) if change.assignment in wanted]


def write_changes(found: Iterable[Change], path: Path) -> None:
    """Write changes to a CSV, one row each."""
    header = "time who program student assignment cell score before after".split()
    rows = [header]
    for change in found:
        *texts, before, after = astuple(change)
        numbers = ("" if number is None else f"{round(number, 4):g}" for number in (before, after))
        rows.append([*harmless(texts), *numbers])
    write_table(Table(path, rows, newline="\n"), path)
