"""Grades and feedback in the forms of LMSs; nobody gets a silent zero."""

import shutil
import zipfile

import lms_class
import pytest
from lms_class import CLASS
from small_course import COURSE, NAME, ROOT, answered

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.notebooks import notebook_text
from nbjudge.core.tables import read_table
from nbjudge.gradebook import students
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.lms.roster import read_roster

RIGHT = "def scaled(values, factor):\n    return factor * values"
BY_LOGIN = {pupil.login: pupil for pupil in CLASS}


@pytest.fixture(scope="module")
def graded_once(built_folder, tmp_path_factory):
    """Collected from Moodle: two of one name, both right; soren's file is broken."""
    folder = tmp_path_factory.mktemp("graded")
    course = find_course(shutil.copytree(built_folder, folder / "course"))
    lmlib = ["--course", str(course.root)]
    sheet = lms_class.moodle_worksheet(course.root / "theirs.csv", "5", {})
    students.enter(course, read_roster(read_table(sheet)))
    text = notebook_text(answered(course, scaled=RIGHT, answer_task="So."))
    texts = {"schmidt1": text, "schmidt2": text, "soren": text[:99]}
    files = {lms_class.moodle_name(BY_LOGIN[who], "my_tiny.ipynb"): texts[who] for who in texts}
    path = lms_class.write_zip(folder / "moodle.zip", files)
    assert cli.main([*lmlib, "collect", NAME, str(path), "--worksheet", str(sheet)]) == 0
    assert cli.main([*lmlib, "grade", NAME]) == 0
    with open_gradebook(course) as gradebook:
        found = gradebook.find_grade("task", NAME, NAME, "schmidt2")
        found.manual_score, found.needs_manual_grade = 0.5, False
        gradebook.db.commit()
    return course.root


@pytest.fixture
def graded(graded_once, tmp_path, monkeypatch):
    """That course, the test's own to change, as the current folder."""
    course = find_course(shutil.copytree(graded_once, tmp_path / "course"))
    monkeypatch.chdir(course.root)
    return course


def test_moodles_worksheet_is_filled(graded, capsys):
    assert cli.main(["grades", NAME, "--into", "theirs.csv", "--out", "up.csv"]) == 0
    before = lms_class.read_rows(graded.root / "theirs.csv")
    after = lms_class.read_rows(graded.root / "up.csv")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    ((old, new),) = changed
    assert new == [*old[:4], "4.5", *old[5:]] and new[2] == "schmidt2@example.org"
    said = capsys.readouterr().out
    assert "waits for a person to grade" in said
    assert "failed: the notebook is not valid JSON" in said and "nothing submitted" in said


def test_moodles_worksheet_may_be_german(graded):
    lms_class.moodle_worksheet(graded.root / "ihre.csv", "5,00", {}, is_german=True)
    assert cli.main(["grades", NAME, "--into", "ihre.csv", "--out", "up.csv"]) == 0
    grades = {row[2]: row[4] for row in lms_class.read_rows(graded.root / "up.csv")}
    assert (grades["schmidt2@example.org"], grades["schmidt1@example.org"]) == ("4.5", "")


def test_so_far_does_not_wait_for_people(graded):
    assert cli.main(["grades", NAME, "--into", "theirs.csv", "--out", "up.csv", "--so-far"]) == 0
    grades = {row[2]: row[4] for row in lms_class.read_rows(graded.root / "up.csv")}
    assert grades["schmidt1@example.org"] == "4" and grades["soren@example.org"] == ""


def test_a_locked_grade_and_a_comma_for_decimals(graded, capsys):
    rows = lms_class.read_rows(graded.root / "theirs.csv")
    for row in rows:
        row[6] = "No" if row[2] == "schmidt1@example.org" else row[6]
    lms_class.write_rows(graded.root / "theirs.csv", rows, delimiter=";")
    assert cli.main(["grades", NAME, "--into", "theirs.csv", "--out", "up.csv", "--so-far"]) == 0
    grades = {r[2]: r[4] for r in lms_class.read_rows(graded.root / "up.csv", delimiter=";")}
    assert (grades["schmidt2@example.org"], grades["schmidt1@example.org"]) == ("4,5", "")
    assert "the LMS has locked this grade" in capsys.readouterr().out


def test_a_file_of_our_own_has_a_row_for_each(graded):
    with open_gradebook(graded) as gradebook:
        gradebook.update_or_create_student("schmidt2", last_name="=HYPERLINK(1)")
    assert cli.main(["grades", NAME]) == 0
    rows = lms_class.read_rows(graded.root / "grades.csv")
    found = {row[0]: row for row in rows}
    assert len(rows) == 31
    assert found["schmidt2"][1:] == [
        "'=HYPERLINK(1)", "Anna", "schmidt2@example.org", NAME, "4.5", "5", "0", "graded"
    ]  # fmt: skip
    assert found["wei"][5:] == ["", "", "", "nothing submitted"]


def test_moodle_finds_each_page_by_the_participants_number(graded):
    assert cli.main(["return", NAME]) == 0
    with zipfile.ZipFile(graded.root / "feedback.zip") as archive:
        assert sorted(archive.namelist()) == [
            f"Anna Schmidt_88000{n}_assignsubmission_file_/{NAME}.html" for n in (5, 6)
        ] + [f"Søren Kierkegaard_880007_assignsubmission_file_/{NAME}.html"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace(",5,", ",20,"), "expects grades out of 20 points"),
        (lambda text: text.replace("Grade,", "Mark,"), "has no column for 'Tiny'"),
        (lambda text: "x,y\n1,2\n", "has no column for 'Tiny'"),
        (lambda text: "Tiny,y\n1,2\n", "needs a column with ids, e-mails or names"),
        (lambda text: "", "is not a CSV file"),
    ],
)
def test_files_that_cannot_take_the_grades(graded, change, reason, capsys):
    path = graded.root / "theirs.csv"
    path.write_text(change(path.read_text()))
    assert cli.main(["grades", NAME, "--into", "theirs.csv", "--out", "up.csv"]) == 1
    assert reason in capsys.readouterr().err and not (graded.root / "up.csv").exists()


@pytest.mark.parametrize("names_apart", [False, True])
def test_canvas_keeps_who_is_excused(graded, capsys, names_apart):
    path = lms_class.canvas_gradebook(graded.root / "canvas.csv", "Tiny", "5", names_apart)
    rows = lms_class.read_rows(path)
    place = rows[0].index("Tiny (991)")
    (schmidt1,) = [row for row in rows if BY_LOGIN["schmidt1"].login in row]
    schmidt1[place] = "EX"
    lms_class.write_rows(path, rows)
    with open_gradebook(graded) as gradebook:
        for login in ("schmidt1", "schmidt2"):
            gradebook.update_or_create_student(login, lms_user_id=BY_LOGIN[login].lms_id)
    words = ["--into", "canvas.csv", "--out", "up.csv", "--so-far"]
    assert cli.main(["grades", NAME, *words]) == 0
    found = {row[place - 2]: row[place] for row in lms_class.read_rows(graded.root / "up.csv")}
    assert (found["schmidt1"], found["schmidt2"]) == ("EX", "4.5")
    assert "the LMS has EX there" in capsys.readouterr().out


def test_the_lmss_file_is_never_written_over(graded, capsys):
    assert cli.main(["grades", NAME, "--into", "theirs.csv", "--out", "./theirs.csv"]) == 1
    assert "--out must be another file than --into." in capsys.readouterr().err


def test_the_page_on_giving_back(graded):
    page = (ROOT / "docs" / "giving_back.md").read_text().replace("ps1_rnn_sampling", NAME)
    lines = [line for line in page.splitlines() if line.startswith(".venv/bin/nbjudge")]
    commands = [line.split()[1:] for line in lines]
    assert len(commands) == 4
    for words in commands:
        assert cli.main(words) == 0
    assert {"feedback.zip", "upload.csv", "grades.csv"} <= {p.name for p in graded.root.iterdir()}


def test_late_by_nobody_knows_how_much_is_no_grade(graded, capsys):
    rules = "due = 2026-10-15T23:59:00+02:00\nlate_penalty = 0.1\n"
    (graded.root / "course.toml").write_text(COURSE + rules)
    path = lms_class.write_zip(
        graded.root / "canvas.zip",
        {lms_class.canvas_name(BY_LOGIN["zak"], "tiny.ipynb", is_late=True): "{"},
    )
    assert cli.main(["collect", NAME, str(path)]) == 1
    shutil.copytree(graded.submitted("schmidt2", NAME), graded.root / "aside")
    source = graded.submitted("zak", NAME) / f"{NAME}.ipynb"
    shutil.copy(graded.root / "aside" / "my_tiny.ipynb", source)
    assert cli.main(["grade", NAME, "--student", "zak"]) == 0
    assert cli.main(["grades", NAME, "--so-far"]) == 0
    rows = {row[0]: row for row in lms_class.read_rows(graded.root / "grades.csv")}
    assert rows["zak"][-1] == "late by an unknown time"
