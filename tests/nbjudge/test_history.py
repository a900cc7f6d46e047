"""Every score that changes is in the history, whoever changed it, and with which program."""

import csv
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from nbgrader.api import Gradebook
from small_course import NAME

from nbjudge import cli
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import history
from nbjudge.gradebook.connection import open_gradebook, read_gradebook
from nbjudge.gradebook.history import Change

PLAIN_NBGRADER = """
import sys
from nbgrader.api import Gradebook
with Gradebook(sys.argv[1]) as gradebook:
    grade = gradebook.find_grade("scaled_test", "tiny", "tiny", "ada")
    grade.manual_score = 1.5
    gradebook.db.commit()
"""


@pytest.fixture
def entered(course, monkeypatch):
    """The tiny course with a submission in its gradebook, which nobody has graded."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/jupyter-lab"])
    monkeypatch.setenv("LOGNAME", "o'hara")
    with open_gradebook(course) as gradebook, gradebook.db.no_autoflush:
        gradebook.add_student("ada")
        gradebook.add_submission(NAME, "ada")
    return course


def change(course, column: str, score: float | None) -> None:
    """What the formgrader does: nbgrader's own interface, and nothing of ours."""
    with Gradebook(course.gradebook_url) as gradebook:
        setattr(gradebook.find_grade("scaled_test", NAME, NAME, "ada"), column, score)
        gradebook.db.commit()


def kept(course) -> list[Change]:
    return history.changes(course, [NAME])


def test_who_changed_what_when_from_what_to_what(entered):
    for column, score in (("auto_score", 2), ("manual_score", 3), ("manual_score", None)):
        change(entered, column, score)
    found = kept(entered)
    assert [(one.score, one.before, one.after) for one in found] == [
        ("machine", None, 2),
        ("person", None, 3),
        ("person", 3, None),
    ]
    for one in found:
        assert (one.student, one.assignment, one.cell) == ("ada", NAME, "scaled_test")
        assert (one.who, one.program) == ("o'hara", "jupyter-lab")
        assert datetime.now(UTC) - datetime.fromisoformat(one.time) < timedelta(minutes=5)


def test_what_stays_the_same_is_no_change(entered):
    change(entered, "manual_score", 3)
    change(entered, "manual_score", 3)
    assert len(kept(entered)) == 1


def test_what_is_rolled_back_was_no_change(entered):
    with Gradebook(entered.gradebook_url) as gradebook:
        gradebook.find_grade("scaled_test", NAME, NAME, "ada").manual_score = 4
        gradebook.db.flush()
        gradebook.db.rollback()
    assert kept(entered) == []


def test_a_program_that_knows_nothing_of_it_is_recorded_too(entered):
    words = [sys.executable, "-c", PLAIN_NBGRADER, entered.gradebook_url]
    subprocess.run(words, check=True)
    with sqlite3.connect(entered.root / "gradebook.db") as connection:
        connection.execute("UPDATE grade SET extra_credit = 2 WHERE manual_score = 1.5")
    first, second = kept(entered)
    assert (first.who, first.program, first.after) == ("", history.UNNAMED, 1.5)
    assert (second.score, second.program, second.after) == ("extra credit", history.UNNAMED, 2)


def test_penalties_and_deleted_scores_are_changes(entered):
    change(entered, "auto_score", 4)
    with open_gradebook(entered) as gradebook:
        found = gradebook.find_submission_notebook(NAME, NAME, "ada")
        found.late_submission_penalty = 0.5
        gradebook.db.commit()
        gradebook.remove_submission(NAME, "ada")
    told = [(one.cell, one.score, one.before, one.after) for one in kept(entered)]
    assert told[1:] == [("", "late penalty", None, 0.5), ("scaled_test", "machine", 4, None)]


def test_reading_neither_starts_a_history_nor_fails_without_one(course):
    path = course.root / "gradebook.db"
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT type, name FROM sqlite_master WHERE name LIKE 'nbjudge%'"
        ).fetchall()
        for kind, name in sorted(rows, reverse=True):
            connection.execute(f"DROP {kind.upper()} IF EXISTS {name}")
    before = path.read_bytes()
    with read_gradebook(course) as gradebook:
        assert gradebook.find_assignment(NAME)
    assert kept(course) == [] and path.read_bytes() == before
    path.unlink()
    with pytest.raises(CourseError, match="There is no gradebook"):
        kept(course)


def test_the_command_writes_it(entered, capsys):
    change(entered, "manual_score", 3)
    path = entered.root / "history.csv"
    words = ["--course", str(entered.root), "history", NAME, "--out", str(path)]
    assert cli.main(words) == 0
    assert f"1 changes of scores in {path}" in capsys.readouterr().out
    (row,) = csv.DictReader(path.open())
    assert row.pop("time").endswith("Z")
    assert row == {
        "who": "o'hara", "program": "jupyter-lab", "student": "ada", "assignment": NAME,
        "cell": "scaled_test", "score": "person", "before": "", "after": "3",
    }  # fmt: skip
