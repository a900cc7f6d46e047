"""The history of all scores: who changed which one, when, from what to what.

It is a table of our own in the gradebook's database, written by triggers. So it also has what the
formgrader, nbgrader's own commands and other programs change, and nobody can forget to write it.
A program that imports this module signs its changes; what any other program changes has no name.
"""

import contextlib
import getpass
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

from nbjudge.core.course import Course, assignment_of
from nbjudge.core.errors import CourseError
from nbjudge.core.tables import Table, harmless, write_table
from nbjudge.gradebook.entered import unusable

TABLE = "nbjudge_score_change"
SIGNED = "nbjudge signs"
UNNAMED = "another program"

CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    who TEXT NOT NULL DEFAULT '',
    program TEXT NOT NULL DEFAULT '{UNNAMED}',
    student TEXT NOT NULL,
    assignment TEXT NOT NULL,
    cell TEXT NOT NULL,
    score TEXT NOT NULL,
    before REAL,
    after REAL
)
"""

SCORES = {"auto_score": "machine", "manual_score": "person", "extra_credit": "extra credit"}
"""Columns of nbgrader's table of grades, and what the history calls them."""

PENALTY = "late penalty"


@dataclass(frozen=True)
class Change:
    """One score that changed; None where there was none, or is none."""

    time: str  # in UTC
    who: str  # the login name of the person who ran the program
    program: str
    student: str
    assignment: str
    cell: str  # "" for the penalty, which is one of the whole submission
    score: str  # a value of `SCORES`, or `PENALTY`
    before: float | None
    after: float | None


def _insert(where: str, cell: str, score: str, before: str, after: str) -> str:
    """SQL that records a change in the submitted notebook with the id `where`."""
    return f"""
    INSERT INTO {TABLE} (student, assignment, cell, score, before, after)
    SELECT submitted_assignment.student_id, assignment.name, {cell}, '{score}', {before}, {after}
    FROM submitted_notebook
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    WHERE submitted_notebook.id = {where}
    """


def _triggers() -> Iterable[str]:
    for column, score in SCORES.items():
        old, new = f"OLD.{column}", f"NEW.{column}"
        cell = "(SELECT name FROM base_cell WHERE id = OLD.cell_id)"
        yield f"""
        CREATE TRIGGER IF NOT EXISTS {TABLE}_{column} AFTER UPDATE OF {column} ON grade
        WHEN {old} IS NOT {new}
        BEGIN {_insert("OLD.notebook_id", cell, score, old, new)}; END
        """
        yield f"""
        CREATE TRIGGER IF NOT EXISTS {TABLE}_{column}_gone BEFORE DELETE ON grade
        WHEN {old} IS NOT NULL
        BEGIN {_insert("OLD.notebook_id", cell, score, old, "NULL")}; END
        """
    old, new = "OLD.late_submission_penalty", "NEW.late_submission_penalty"
    yield f"""
    CREATE TRIGGER IF NOT EXISTS {TABLE}_penalty
    AFTER UPDATE OF late_submission_penalty ON submitted_notebook
    WHEN {old} IS NOT {new}
    BEGIN {_insert("OLD.id", "''", PENALTY, old, new)}; END
    """


def keep(path: Path) -> None:
    """Have the gradebook at `path` keep the history of its scores, from now on.

    Raises sqlite3.DatabaseError if it cannot be written.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        wanted = [f"{TABLE}_{column}" for column in SCORES] + [f"{TABLE}_penalty"]
        known = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        if set(wanted) <= {name for (name,) in known}:
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in (CREATE, *_triggers()):
                connection.execute(statement)


@event.listens_for(Pool, "checkout")
def _sign(connection: Any, record: Any, _: Any) -> None:
    """Have all changes of this connection carry the name of whoever runs this program."""
    if not isinstance(connection, sqlite3.Connection) or record.info.get(SIGNED):
        return
    (is_reading,) = connection.execute("PRAGMA query_only").fetchone()
    has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,))
    if is_reading or has_table.fetchone() is None:
        return
    who, program = (text.replace("'", "''") for text in (_who(), Path(sys.argv[0]).name))
    connection.execute(
        f"CREATE TEMP TRIGGER IF NOT EXISTS {TABLE}_signed AFTER INSERT ON main.{TABLE} BEGIN "
        f"UPDATE {TABLE} SET who = '{who}', program = '{program}' WHERE id = NEW.id; END"
    )
    record.info[SIGNED] = True


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return ""


def changes(course: Course, assignments: Iterable[str]) -> list[Change]:
    """All changes of scores in `assignments`, the earliest first.

    Raises CourseError if there is no gradebook, or it cannot be read.
    """
    path = course.root / "gradebook.db"
    if not path.exists():
        raise CourseError(f"There is no gradebook in {course.root} yet, and so no history.")
    wanted = set(map(assignment_of, assignments))
    query = (
        "SELECT time, who, program, student, assignment, cell, score, before, after "
        f"FROM {TABLE} ORDER BY id"
    )
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,))
            rows = connection.execute(query).fetchall() if known.fetchone() else []
    except sqlite3.DatabaseError as error:
        raise unusable(course, str(error)) from error
    return [change for change in (Change(*row) for row in rows) if change.assignment in wanted]


def write_changes(found: Iterable[Change], path: Path) -> None:
    """Write changes to a CSV, one row each."""
    header = "time who program student assignment cell score before after".split()
    rows = [header]
    for change in found:
        *texts, before, after = astuple(change)
        numbers = ("" if number is None else f"{round(number, 4):g}" for number in (before, after))
        rows.append([*harmless(texts), *numbers])
    write_table(Table(path, rows, newline="\n"), path)
