"""The history of scores in SQLite: its table, its triggers, and the signature of a connection."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

from nbjudge.gradebook.score_changes import PENALTY, SCORES, TABLE, UNNAMED, program, who

SIGNED = "nbjudge signs"

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


def statements() -> Iterable[str]:
    """SQL that has a gradebook keep the history of its scores; run again, it changes nothing."""
    yield CREATE
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


@event.listens_for(Pool, "checkout")
def _sign(connection: Any, record: Any, _: Any) -> None:
    """Have all changes of this connection carry the name of whoever runs this program."""
    if not isinstance(connection, sqlite3.Connection) or record.info.get(SIGNED):
        return
    (is_reading,) = connection.execute("PRAGMA query_only").fetchone()
    has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,))
    if is_reading or has_table.fetchone() is None:
        return
    name, command = (text.replace("'", "''") for text in (who(), program()))
    connection.execute(
        f"CREATE TEMP TRIGGER IF NOT EXISTS {TABLE}_signed AFTER INSERT ON main.{TABLE} BEGIN "
        f"UPDATE {TABLE} SET who = '{name}', program = '{command}' WHERE id = NEW.id; END"
    )
    record.info[SIGNED] = True
