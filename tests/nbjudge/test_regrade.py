"""Regrade requests: those who ask are graded again, explained and answered; nobody else is."""

import csv

import pytest
from small_course import MISTAKES, NAME, answered, hand_in

from nbjudge import cli
from nbjudge.gradebook import history
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.judge.verdicts import read_record

RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
REQUESTS = """email,cell,request
ADA@example.org,scaled_test,"I think, it is right"
bob@example.org,,Please look
zoe@example.org,,I do not exist
cleo@example.org,,=1+1
ada@example.org,scald_test,And here?
"""


@pytest.fixture
def asked(course, tmp_path, monkeypatch, capsys):
    """Three are graded; a person gave Ada points; then her file was replaced; four ask."""
    monkeypatch.chdir(course.root)
    for student, answer in (("ada", ADDED), ("bob", ADDED), ("dan", ADDED)):
        hand_in(course, student, answered(course, scaled=answer))
    hand_in(course, "eve", "{")
    with open_gradebook(course) as gradebook:
        for student in ("ada", "bob", "cleo", "dan", "eve"):
            gradebook.update_or_create_student(student, email=f"{student}@example.org")
    assert cli.main(["grade", NAME]) == 0
    with open_gradebook(course) as gradebook:
        found = gradebook.find_grade("scaled_test", NAME, NAME, "bob")
        found.manual_score, found.needs_manual_grade = 2, False
        gradebook.db.commit()
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    hand_in(course, "dan", answered(course, scaled=RIGHT))
    (course.root / "requests.csv").write_text(REQUESTS)
    capsys.readouterr()
    return course


def test_requests_are_graded_explained_and_answered(asked, capsys):
    path = asked.autograded_notebook("dan", NAME)
    before = path.read_bytes()
    assert cli.main(["regrade", NAME, "--file", "requests.csv"]) == 1
    said = capsys.readouterr()
    assert "There is no such student." in said.err and "There is no submission." in said.err
    ada, bob, zoe, cleo, again = csv.DictReader((asked.root / "answers.csv").open())
    assert ada["request"] == "I think, it is right"
    assert (ada["points before"], ada["points after"]) == ("0", "4")
    assert ada["answer"] == "The points have changed."
    assert (bob["points before"], bob["points after"]) == ("2", "2")
    assert "The points are as before." in bob["answer"]
    assert "scaled_test, 0 of 4 by the machine: The factor was added" in bob["answer"]
    assert "a person gave 2, which counts" in bob["answer"]
    assert "task: a person has still to grade it." in bob["answer"]
    for row in (zoe, cleo, again):
        assert not row["points before"] and not row["points after"]
    assert "There is no cell 'scald_test'; there are" in again["answer"]

    assert path.read_bytes() == before  # who has not asked is not graded again
    assert sorted(p.parent.name for p in asked.root.glob(f"explained/*/{NAME}.html")) == [
        "ada", "bob"
    ]  # fmt: skip
    assert "Full marks" in (asked.feedback("ada", NAME) / f"{NAME}.html").read_text()
    changes = history.changes(asked, [NAME])
    assert [(one.student, one.before, one.after) for one in changes if one.before is not None] == [
        ("ada", 0, 4)
    ]


def test_students_may_be_named_as_in_the_gradebook_and_a_failure_is_answered(asked):
    (asked.root / "requests.csv").write_text("student,why\neve,It ran at home\ndan,Please\n")
    assert cli.main(["regrade", NAME, "--file", "requests.csv", "--out", "a.csv"]) == 0
    eve, dan = csv.DictReader((asked.root / "a.csv").open())
    assert "could not be graded: the notebook is not valid JSON" in eve["answer"]
    assert eve["points after"] == "" and dan["points after"] == "4"
    assert read_record(asked.autograded_notebook("dan", NAME)).score == 4


def test_the_requests_are_never_written_over_and_must_say_who_asks(asked, capsys):
    assert cli.main(["regrade", NAME, "--file", "requests.csv", "--out", "./requests.csv"]) == 1
    assert "--out must be another file" in capsys.readouterr().err
    (asked.root / "requests.csv").write_text("cell,request\nscaled_test,Why?\n")
    assert cli.main(["regrade", NAME, "--file", "requests.csv"]) == 1
    assert "needs a column with ids, e-mails or names" in capsys.readouterr().err
    assert not (asked.root / "answers.csv").exists()


def test_an_answer_says_nothing_hidden(asked):
    cli.main(["regrade", NAME, "--file", "requests.csv"])
    text = (asked.root / "answers.csv").read_text()
    says = MISTAKES.split('says = "')[1].split('"')[0]
    assert says in text and "expected" not in text and "float64" not in text
