"""Rosters as LMSs export them, into nbgrader's table of students."""

import lms_class
import pytest
from lms_class import CLASS
from small_course import ROOT

from nbjudge import cli
from nbjudge.core.errors import CourseError
from nbjudge.core.people import folder_name
from nbjudge.core.tables import read_table
from nbjudge.gradebook import students
from nbjudge.lms.roster import read_roster


def enter(course, path):
    return students.enter(course, read_roster(read_table(path)))


def rows(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_canvas_and_gradescope_give_the_same_class(course, tmp_path):
    changes = enter(course, lms_class.canvas_gradebook(tmp_path / "c.csv", "Tiny", "5"))
    assert {change.what for change in changes} == {"added"} and len(changes) == 30
    assert [
        person.student for person in sorted(students.known_students(course), key=lambda p: p.lms_id)
    ] == [pupil.login for pupil in CLASS]
    changes = enter(course, lms_class.gradescope_roster(tmp_path / "g.csv"))
    assert {change.what for change in changes} == {"changed"}  # an e-mail came to each
    assert len(students.known_students(course)) == 30
    assert {c.what for c in enter(course, tmp_path / "g.csv")} == {"unchanged"}


def test_canvas_with_first_and_last_names_apart(course, tmp_path):
    together = enter(course, lms_class.canvas_gradebook(tmp_path / "c.csv", "Tiny", "5"))
    apart = enter(course, lms_class.canvas_gradebook(tmp_path / "d.csv", "Tiny", "5", True))
    assert {change.what for change in apart} == {"unchanged"}
    assert len(apart) == len(together) == 30


def test_moodles_participants_are_the_students(course, tmp_path):
    changes = enter(course, lms_class.moodle_participants(tmp_path / "participants.csv"))
    assert [change.person.student for change in changes] == [pupil.login for pupil in CLASS]


def test_moodle_in_german_with_semicolons_and_windows_letters(course, tmp_path):
    text = (
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Rollen\r\n"
        "Jürgen;Müller;77;Juergen.Mueller@example.org;Teilnehmer/in\r\n"
        "Ina;Lehrer;;ina@example.org;Trainer/in\r\n"
    )
    (change,) = enter(course, rows(tmp_path, text, "cp1252"))
    assert change.person.name == "Jürgen Müller" and change.person.student == "juergen.mueller"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    text = "first_name,last_name,email\nŁukasz,Żak,zak@example.org\n"
    (person,) = read_roster(read_table(rows(tmp_path, text, encoding)))
    assert person.name == "Łukasz Żak"


def test_a_new_surname_and_a_new_address_keep_the_gradebook_name(course, tmp_path):
    enter(course, rows(tmp_path, "First Name,Last Name,SID,Email\nAda,Byron,7,ada@example.org\n"))
    (change,) = enter(
        course, rows(tmp_path, "First Name,Last Name,SID,Email\nAda,King,7,ada.king@example.org\n")
    )
    assert (change.what, change.person.student) == ("changed", "ada")
    (person,) = students.known_students(course)
    assert (person.last_name, person.email) == ("King", "ada.king@example.org")


def test_nobody_is_taken_out(course, tmp_path):
    enter(course, rows(tmp_path, "first_name,last_name,email\nA,B,a@example.org\n"))
    changes = enter(course, rows(tmp_path, "first_name,last_name,email\nC,D,c@example.org\n"))
    assert [(c.person.student, c.what) for c in changes] == [
        ("c", "added"),
        ("a", "not in the file"),
    ]
    assert len(students.known_students(course)) == 2


def test_two_who_would_get_the_same_name_are_told_apart(course, tmp_path):
    text = "First Name,Last Name,SID,Email\nA,B,1,x@one.org\nA,B,2,x@two.org\n"
    changes = enter(course, rows(tmp_path, text))
    assert [change.person.student for change in changes] == ["x-1", "x-2"]
    (third, *_) = enter(course, rows(tmp_path, "First Name,Last Name,SID,Email\nA,B,3,x-1@c.org\n"))
    assert third.person.student == "x-1-3"


def test_a_name_for_a_folder_is_plain():
    for wanted in ("../up", "Straße", "a b", "...", "Zoë+O'Neil", "con/nul"):
        name = folder_name(wanted)
        assert name and name.isascii() and not set(name) & set("/\\ +'") and name[0] != "."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a CSV file"),
        ("only one column\nx\n", "with a header and rows"),
        ("a,b\n1,2\n", "is not a roster"),
        ("first_name,last_name,email\n", "with a header and rows"),
        ('first_name,last_name,email\n"a,b,c\n', "is not a CSV file"),
        (
            "First Name,Last Name,SID,Email\nA,B,1,a@x\nC,D,1,c@x\n",
            "1 twice, for A B and C D",
        ),
        ("first_name,last_name,email\nA,B,a@x\nC,D,A@x\n", "lists a@x twice"),
        ("first_name,last_name,email\nA,B,\nA,B,\n", "cannot tell two students called A B apart"),
        ("First Name,Last Name,Email,Role\nI,J,i@x,Instructor\n", "lists no students"),
    ],
)
def test_a_file_that_is_no_roster(tmp_path, text, reason):
    with pytest.raises(CourseError, match=reason):
        read_roster(read_table(rows(tmp_path, text)))


def test_the_page_on_the_roster(course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(course.root)
    lms_class.canvas_gradebook(course.root / "class.csv", "Tiny", "5")
    page = (ROOT / "docs" / "roster.md").read_text()
    assert ".venv/bin/nbjudge roster class.csv" in page
    assert cli.main(["roster", "class.csv"]) == 0
    assert "mueller" in capsys.readouterr().out
    assert cli.main(["roster", "missing.csv"]) == 1
    assert "nbjudge: missing.csv cannot be read" in capsys.readouterr().err
