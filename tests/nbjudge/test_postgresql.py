"""The gradebook in PostgreSQL: the same as in SQLite, wherever nbgrader_config.py says it is.

Most tests run on both. Without a PostgreSQL server or its driver, those on PostgreSQL are skipped.
"""

import csv
import dataclasses
import itertools
import json
import shutil
import sqlite3
import sys
import threading
import zipfile
from pathlib import Path

import postgres
import pytest
from nbgrader.api import Gradebook
from small_course import COURSE, NAME, answered, at_once, hand_in
from sqlalchemy import text

from nbjudge import cli
from nbjudge.authoring import build, demo, release_steps
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import read_notebook
from nbjudge.core.people import Person
from nbjudge.gradebook import creation, history, students
from nbjudge.gradebook import postgresql as server_side
from nbjudge.gradebook.connection import (
    check_writable,
    gradebook_errors,
    open_gradebook,
    read_gradebook,
)
from nbjudge.gradebook.ledger import Ledger
from nbjudge.gradebook.points import entered_points
from nbjudge.gradebook.rows import has_gradebook, rows
from nbjudge.judge.verdicts import attached
from nbjudge.workflow import archive, grade, grades, new_term

DATABASES = ["sqlite", "postgresql"]
ON_A_SERVER = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
RIGHT = "def scaled(values, factor):\n    return factor * values"
WRONG = "def scaled(values, factor):\n    return values + factor"
RULES = """
due = 2026-10-15T23:59:00+02:00
late_penalty = 0.1
[course]
term = "autumn"
"""
CLASS = [
    Person("zoe", "Zoe", "Ångström", "zoe@example.org", "11"),
    Person("Bob", "Bob", "de Vries", "bob@example.org", "12"),
    Person("ada", "Ada", "De Vries", "ada@example.org", "13"),
    Person("élodie", "Élodie", "", "", "14"),
]
LONG = "n" * 129


@pytest.fixture(scope="module")
def server():
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.running() as made:
        yield made


@pytest.fixture(params=DATABASES)
def database(request):
    """The name of the database, and a PostgreSQL server where it is that."""
    if request.param == "postgresql":
        request.getfixturevalue("server")
    return request.param


@pytest.fixture
def new_url(request, database, tmp_path):
    """Makes the URL of a gradebook that does not exist yet."""
    if database == "postgresql":
        return request.getfixturevalue("server").new_database
    numbers = itertools.count()
    return lambda: f"sqlite:///{tmp_path}/elsewhere{next(numbers)}.db"


def use(course, url):
    """Have `course` keep its gradebook at `url`."""
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write(f'c.CourseDirectory.db_url = "{url}"\n')
    return find_course(course.root)


@pytest.fixture
def empty(course, new_url):
    """The tiny course, released, with a gradebook that does not exist yet."""
    (course.root / "gradebook.db").unlink()
    return use(course, new_url())


@pytest.fixture(scope="module")
def lived_once(request, built_folder, tmp_path_factory, executor):
    """Makes, once for each database, the course in mid-term: all late, and graded by people too."""
    made = {}

    def live(database):
        if database in made:
            return made[database]
        place = tmp_path_factory.mktemp(database)
        course = find_course(shutil.copytree(built_folder, place / "course"))
        (course.root / "gradebook.db").unlink()
        (course.root / "course.toml").write_text(COURSE + RULES)
        if database == "postgresql":
            course = use(course, request.getfixturevalue("server").new_database())
        course = find_course(course.root)
        assert build.build(course, NAME, executor, lambda *_: None)
        students.enter(course, CLASS)
        for person, scaled in zip(CLASS, (RIGHT, WRONG, RIGHT, WRONG), strict=True):
            notebook = answered(course, scaled=scaled, answer_task="So.")
            path = hand_in(course, person.student, notebook)
            (path.parent / "timestamp.txt").write_text("2026-10-17 06:00:00 +0200")
        grade.grade(course, NAME, executor)
        for number, person in enumerate(CLASS[:3]):
            gives_points(course, person.student, number / 2)
        made[database] = course.root
        return course.root

    return live


@pytest.fixture
def lived(lived_once, database, new_url, tmp_path):
    """That course, the test's own to change."""
    folder = lived_once(database)
    course = find_course(shutil.copytree(folder, tmp_path / "lived"))
    if database == "postgresql":
        moved = course.root / "nbgrader_config.py"
        url = new_url()
        assert cli.main(["--course", str(course.root), "move-gradebook", url]) == 0
        moved.write_text(moved.read_text().replace(find_course(folder).gradebook_url, url))
    return find_course(course.root)


def gives_points(course, student, points):
    """What the formgrader does."""
    with Gradebook(course.gradebook_url) as gradebook:
        found = gradebook.find_grade("task", NAME, NAME, student)
        found.manual_score, found.needs_manual_grade = points, False
        gradebook.db.commit()


def records(course):
    for student in course.students(NAME):
        notebook = read_notebook(course.autograded_notebook(student, NAME))
        yield attached(notebook), notebook


# The same term in either database


def outcome(course, folder):
    """All tables that commands write of a course, without times."""
    words = ["--course", str(course.root)]
    assert cli.main([*words, "grades", NAME, "--so-far", "--out", str(folder / "grades.csv")]) == 0
    assert cli.main([*words, "history", NAME, "--out", str(folder / "history.csv")]) == 0
    assert cli.main([*words, "report", NAME]) == 0
    tables = {path.name: path for path in (course.root / "report").rglob("*.csv")}
    tables |= {path.name: path for path in folder.glob("*.csv")}
    found = {}
    for name, path in tables.items():
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.pop("time", None)
            row.pop("seconds", None)  # of the run
        found[name] = rows
    found["history.csv"].sort(key=str)  # changes in one statement come in any order
    with read_gradebook(course) as gradebook:  # what the formgrader asks for
        pages = {
            "students": gradebook.student_dicts(),
            "submissions": gradebook.submission_dicts(NAME),
            "notebooks": gradebook.notebook_submission_dicts(NAME, NAME),
        }
    for name, dicts in pages.items():
        kept = [{key: one[key] for key in one.keys() - {"id"}} for one in dicts]
        found[name] = sorted(kept if name != "students" else dicts, key=str)
    return found


def test_tables_are_the_same_from_either_database(lived_once, server, tmp_path, capsys):
    found = {}
    for database in DATABASES:
        (tmp_path / database).mkdir()
        course = find_course(shutil.copytree(lived_once(database), tmp_path / database / "course"))
        found[database] = outcome(course, tmp_path / database)
        assert (course.root / "gradebook.db").exists() is (database == "sqlite")
    assert len(found["sqlite"]["grades.csv"]) == len(CLASS)
    assert len(found["sqlite"]["history.csv"]) > len(CLASS)
    for name in found["sqlite"]:
        assert found["sqlite"][name] == found["postgresql"][name], name


def test_commands_show_the_password_nowhere(lived, database, tmp_path, capsys):
    words = ["--course", str(lived.root)]
    for command in (
        ["roster", str(tmp_path / "class.csv")],
        ["build"],
        ["grade", NAME],
        ["blanks", NAME],
        ["feedback", NAME],
        ["return", NAME, "--out", str(tmp_path / "return.zip")],
        ["grades", NAME, "--so-far", "--out", str(tmp_path / "grades.csv")],
        ["report", NAME],
        ["history", NAME, "--out", str(tmp_path / "history.csv")],
        ["archive", str(tmp_path / "term.zip")],
        ["move-gradebook", lived.gradebook_url],
        ["new-term", "spring", "--archive", str(tmp_path / "term.zip")],
    ):
        (tmp_path / "class.csv").write_text("Student,ID,SIS Login ID\nFinn Two,99,finn\n")
        code = cli.main([*words, *command])
        told = capsys.readouterr()
        assert code == (command[0] == "move-gradebook"), told.err
        assert postgres.PASSWORD not in told.out + told.err
        assert "secret" not in told.out + told.err
    assert not has_gradebook(lived)
    with zipfile.ZipFile(tmp_path / "term.zip") as zipped:
        assert not any(b"secret" in zipped.read(name) for name in zipped.namelist())
    left = [path for path in lived.root.rglob("*") if path.is_file()]
    told = [path.name for path in left if b"secret" in path.read_bytes()]
    assert told == (["nbgrader_config.py"] if database == "postgresql" else [])


def test_penalties_manual_points_and_the_order_of_students(lived):
    found = {one.person.student: one for one in grades.scores(lived, NAME, so_far=True)}
    assert found["zoe"].points == pytest.approx((4 + 0) * 0.8, abs=0.5)
    assert list(found) == ["élodie", "ada", "Bob", "zoe"]
    before = students.known_students(lived)
    students.enter(lived, [Person("ada", "Ada", "De Vries", "ada@new.org", "13")])
    after = students.known_students(lived)
    assert [one.student for one in after] == [one.student for one in before]


def test_the_history_is_signed_and_has_what_other_programs_do(lived, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/jupyter-lab"])
    monkeypatch.setenv("LOGNAME", "o'hara")
    before = len(history.changes(lived, [NAME]))
    with Gradebook(lived.gradebook_url) as gradebook:
        gradebook.find_grade("task", NAME, NAME, "zoe").manual_score = 4
        gradebook.db.flush()
        gradebook.db.rollback()
    gives_points(lived, "zoe", 0.25)
    gives_points(lived, "zoe", 0.25)
    unsigned(lived, "UPDATE grade SET extra_credit = 2 WHERE manual_score = 0.25")
    with open_gradebook(lived) as gradebook:
        gradebook.remove_submission(NAME, "zoe")
    told = [
        (one.who, one.program, one.score, one.before, one.after)
        for one in history.changes(lived, [NAME])[before:]
    ]
    assert told[:2] == [
        ("o'hara", "jupyter-lab", "person", 0.0, 0.25),
        ("", history.UNNAMED, "extra credit", None, 2.0),
    ]
    gone = {(score, before) for who, _, score, before, after in told[2:] if after is None}
    assert {("machine", 4.0), ("person", 0.25), ("extra credit", 2.0)} <= gone
    assert {who for who, *_ in told[2:]} == {"o'hara"}


def unsigned(course, statement):
    """What a program does that does not know of this package."""
    if course.gradebook_place.is_postgresql:
        import psycopg

        with psycopg.connect(course.gradebook_url.replace("+psycopg", "")) as connection:
            connection.execute(statement)
    else:
        with sqlite3.connect(course.gradebook_place.path) as connection:
            connection.execute(statement)


# One writer at a time


def test_two_coordinators_enter_the_same_students_at_once(lived, new_url):
    course = use(lived, new_url())
    release_steps.generate_release(course, NAME)
    everything = list(records(lived))

    def coordinate():
        with Ledger(course, NAME) as ledger:
            for record, notebook in everything:
                ledger.enter(record, notebook, None)

    at_once(coordinate, coordinate)
    found = entered_points(course, NAME)
    assert list(found) == sorted(person.student for person in CLASS)
    machine = {who: {one.grade_id: one.machine for one in points} for who, points in found.items()}
    assert machine == {
        who: {one.grade_id: one.machine for one in points}
        for who, points in entered_points(lived, NAME).items()
    }
    changes = history.changes(course, [NAME])
    scored = [one for one in changes if one.cell == "scaled_test"]
    assert len(scored) == len(CLASS)  # what the second one entered was no change


def test_three_that_open_a_fresh_gradebook_at_once_make_one(empty):
    def ask():
        with open_gradebook(empty) as gradebook:
            assert gradebook.students == []

    at_once(ask, ask, ask)
    assert len(rows(empty, "SELECT version_num FROM alembic_version")) == 1
    assert len(rows(empty, "SELECT id FROM course")) == 1


def test_a_gradebook_that_nbgrader_left_half_made_is_completed(empty, monkeypatch):
    monkeypatch.setenv("PATH", "")  # nbgrader calls alembic by name
    with pytest.raises(FileNotFoundError, match="alembic"):
        Gradebook(empty.gradebook_url)
    with open_gradebook(empty) as gradebook:
        gradebook.add_student("ada")
    (version,) = rows(empty, "SELECT version_num FROM alembic_version")
    assert version == (creation.newest_version(),)
    assert [one.student for one in students.known_students(empty)] == ["ada"]


def test_a_half_made_gradebook_of_an_older_nbgrader_is_refused(empty):
    with creation.alone(empty.gradebook_place) as connection:
        connection.execute(text("CREATE TABLE student (id VARCHAR(128) PRIMARY KEY)"))
    with pytest.raises(CourseError, match="another version of nbgrader: its table student"):
        open_gradebook(empty)
    assert rows(empty, "SELECT id FROM student") == []
    with creation.engine(empty.gradebook_place).connect() as connection:
        assert not connection.dialect.has_table(connection, "assignment")


def test_who_reads_cannot_write(lived):
    refusal = pytest.raises(CourseError, match="read-?only")
    with refusal, gradebook_errors(lived), read_gradebook(lived) as gradebook:
        gradebook.update_or_create_student("dan", last_name="Daring")
    if lived.gradebook_place.is_postgresql:
        with refusal:
            rows(lived, "DELETE FROM grade")
    assert len(students.known_students(lived)) == len(CLASS)


@ON_A_SERVER
def test_a_locked_table_is_a_sentence(lived, monkeypatch):
    monkeypatch.setattr(server_side, "LOCK_SECONDS", 0.2)
    with creation.engine(lived.gradebook_place).connect() as other:
        other.execute(text("LOCK TABLE grade"))
        with pytest.raises(CourseError, match="it is locked by another program"):
            check_writable(lived)
    check_writable(lived)


# Names that are too long for nbgrader's columns


def test_long_names_are_refused_before_anything_is_written(lived, executor):
    before = students.known_students(lived)
    for changed in ({"email": LONG}, {"first_name": LONG}, {"student": LONG}, {"lms_id": LONG}):
        wrong = dataclasses.replace(Person("eve", "Eve", "", "", "99"), **changed)
        new = Person("finn", "Finn", "", "finn@example.org", "98")
        with pytest.raises(CourseError, match="has 129 characters, and the gradebook takes 128"):
            students.enter(lived, [new, wrong])
    hand_in(lived, LONG, answered(lived, scaled=RIGHT))
    record = next(one for one in grade.grade(lived, NAME, executor) if one.student == LONG)
    assert record.status == "failed"
    assert record.reason.endswith("needs a name of at most 128 characters")
    assert students.known_students(lived) == before


# A server that is restarted


@ON_A_SERVER
def test_a_run_goes_on_when_the_server_is_restarted(lived, server, new_url):
    (first, one), (second, two), *_ = records(lived)
    with creation.alone(lived.gradebook_place) as connection:
        connection.execute(text("UPDATE grade SET auto_score = NULL"))
    with Ledger(lived, NAME) as ledger:
        ledger.enter(first, one, first)
        server.stop()
        again = threading.Timer(0.5, server.start)
        again.start()
        ledger.enter(second, two, second)
        again.join()
    found = entered_points(lived, NAME)
    scored = [
        who
        for who, points in found.items()
        if any(point.grade_id == "scaled_test" and point.machine is not None for point in points)
    ]
    assert scored == sorted([first.student, second.student])


@ON_A_SERVER
def test_without_a_server_there_is_a_sentence_and_later_everything(lived, server, monkeypatch):
    monkeypatch.setattr(server_side, "PATIENCE", 0)
    record, notebook = next(records(lived))
    with Gradebook(lived.gradebook_url) as formgrader, Ledger(lived, NAME) as ledger:
        assert len(formgrader.students) == len(CLASS)
        server.stop()
        try:
            for action in (
                lambda: ledger.enter(record, notebook, record),
                lambda: grades.scores(lived, NAME),
                lambda: students.enter(lived, CLASS),
                lambda: has_gradebook(lived),
                lambda: check_writable(lived),
            ):
                with pytest.raises(CourseError, match="//course@/.* cannot be used") as e:
                    action()
                assert "secret" not in str(e.value)
            with pytest.raises(Exception, match="terminating connection|closed"):
                formgrader.students  # noqa: B018
        finally:
            server.start()
        assert len(formgrader.students) == len(CLASS)  # without a new session
        ledger.enter(record, notebook, record)


# Moving, archives, and the next term


def test_a_gradebook_moves_there_and_back_with_all_rows(lived, new_url, tmp_path, capsys):
    words = ["--course", str(lived.root), "move-gradebook"]
    direct = tmp_path / "direct.db"
    assert cli.main([*words, f"sqlite:///{direct}"]) == 0
    capsys.readouterr()
    there = new_url()
    assert cli.main([*words, there]) == 0
    assert "4 students and 12 grades among them" in capsys.readouterr().out
    assert cli.main([*words, there]) == 1
    assert "There is a gradebook in" in capsys.readouterr().err
    moved = use(lived, there)
    back = tmp_path / "back.db"
    assert cli.main([*words, f"sqlite:///{back}"]) == 0
    assert archive.gradebook_digest(back) == archive.gradebook_digest(direct)
    changes = len(history.changes(moved, [NAME]))
    gives_points(moved, "zoe", 0.75)
    assert len(history.changes(moved, [NAME])) == changes + 1
    assert grades.scores(moved, NAME, so_far=True)


def test_what_does_not_fit_is_refused_and_leaves_nothing(course, server, capsys):
    with open_gradebook(course) as gradebook:
        gradebook.add_student(LONG)
    words = ["--course", str(course.root), "move-gradebook"]
    url = server.new_database()
    assert cli.main([*words, url]) == 1
    told = capsys.readouterr().err
    assert "value too long" in told and "secret" not in told
    assert not has_gradebook(use(course, url))


def test_an_archive_opens_without_the_server_and_a_new_term_begins(lived, database, tmp_path):
    zipped = tmp_path / "term.zip"
    archive.write_archive(lived, zipped)
    gives_points(lived, "zoe", 0.25)
    with pytest.raises(CourseError, match="another state of the gradebook"):
        new_term.begin(lived, "spring", zipped)
    gives_points(lived, "zoe", 0.0)
    zipped.unlink()
    archive.write_archive(lived, zipped)
    before = [(one.person, one.points) for one in grades.scores(lived, NAME, so_far=True)]
    gone = new_term.begin(lived, "spring", zipped)
    assert gone[0] == ("gradebook.db" if database == "sqlite" else lived.gradebook_place.shown)
    assert not has_gradebook(lived)
    with zipfile.ZipFile(zipped) as kept:
        kept.extractall(tmp_path / "opened")
        assert json.loads(kept.read("archive.json"))["term"] == "autumn"
    opened = find_course(tmp_path / "opened")
    assert opened.gradebook_place.path == tmp_path / "opened" / "gradebook.db"
    assert [(one.person, one.points) for one in grades.scores(opened, NAME, so_far=True)] == before
    with open_gradebook(find_course(lived.root)) as gradebook:
        assert gradebook.students == []


@ON_A_SERVER
def test_a_password_elsewhere_in_the_settings_is_refused_in_an_archive(lived, tmp_path):
    with (lived.root / "nbgrader_config.py").open("a") as file:
        file.write(f'PASSWORD = "{postgres.PASSWORD}"\n')
    with pytest.raises(CourseError, match="in other places than in its URL"):
        archive.write_archive(lived, tmp_path / "term.zip")
    assert not (tmp_path / "term.zip").exists()


def test_a_demo_leaves_the_real_gradebook_alone(lived, database, tmp_path):
    made = demo.prepare(lived, tmp_path / "demo")
    assert made.gradebook_place.path == Path(tmp_path / "demo" / "gradebook.db")
    assert "secret" not in (made.root / "nbgrader_config.py").read_text()
