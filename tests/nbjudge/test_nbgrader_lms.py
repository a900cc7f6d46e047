"""nbgrader's own commands with our plug-ins: what `nbjudge collect` and `nbjudge grades` do."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys

import lms_class
import pytest
from lms_class import CLASS
from small_course import COURSE, NAME, ROOT, answered, hand_in

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.notebooks import notebook_text
from nbjudge.core.tables import read_table
from nbjudge.gradebook import students
from nbjudge.lms import collect, collected
from nbjudge.lms.roster import read_roster

RIGHT = "def scaled(values, factor):\n    return factor * values"
BY_LOGIN = {pupil.login: pupil for pupil in CLASS}
EXPORTER = "--exporter=nbjudge.plugins.nbgrader_lms.GradesExporter"


@pytest.fixture
def enrolled(course):
    path = lms_class.canvas_gradebook(course.root / "class.csv", "Tiny", "5")
    students.enter(course, read_roster(read_table(path)))
    path = lms_class.gradescope_roster(course.root / "emails.csv")
    students.enter(course, read_roster(read_table(path)))
    return course


def command_on(page):
    """The words after `nbgrader` of the page's command, with the tiny course's name."""
    text = (ROOT / "docs" / page).read_text().replace("ps1_rnn_sampling", NAME)
    (line,) = re.findall(r"^\.venv/bin/nbgrader (.+)$", text, re.M)
    return shlex.split(line)


def nbgrader(course, *words):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=course.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def archive(course):
    folder = course.root / "downloaded" / NAME / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def submitted(course):
    folder = course.root / "submitted"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def canvas(path, **texts):
    return lms_class.write_zip(
        path,
        {lms_class.canvas_name(BY_LOGIN[who], "tiny.ipynb"): text for who, text in texts.items()},
    )


def moodle(path, **texts):
    return lms_class.write_zip(
        path,
        {lms_class.moodle_name(BY_LOGIN[who], "tiny.ipynb"): text for who, text in texts.items()},
    )


def as_collected(course, *downloads, worksheet=None):
    """What `nbjudge collect` makes of the same downloads, in a copy of the course."""
    copy = find_course(shutil.copytree(course.root, course.root.parent / "copy"))
    for download in downloads:
        collect.collect(copy, NAME, download, worksheet=worksheet)
    return submitted(copy)


@pytest.mark.parametrize("lms", ["canvas", "moodle", "gradescope"])
def test_zip_collect_makes_the_same_of_a_download(enrolled, lms):
    make = {
        "canvas": canvas,
        "moodle": moodle,
        "gradescope": lambda path, **texts: lms_class.gradescope_export(path, texts),
    }[lms]
    download = make(archive(enrolled) / "submissions.zip", zoe="z", mueller="m", schmidt2="s")
    sheet = None
    if lms == "moodle":
        sheet = lms_class.moodle_worksheet(archive(enrolled) / "sheet.csv", "5", {})
    expected = as_collected(enrolled, download, worksheet=sheet)
    code, said = nbgrader(enrolled, "zip_collect", NAME)
    assert code == 0, said
    assert submitted(enrolled) == expected and f"schmidt2/{NAME}/{NAME}.ipynb" in expected


def test_zip_collect_knows_attempts_and_loses_nothing(enrolled):
    (enrolled.root / "course.toml").write_text(f"{COURSE}attempts = 2\n")
    by_hand = hand_in(enrolled, "ada", "by hand")
    first = canvas(archive(enrolled) / "submissions.zip", ada="first")
    stranger = lms_class.Pupil(99, "No Body", "nobody")
    second = lms_class.write_zip(
        archive(enrolled) / "submissions-2.zip",
        {
            lms_class.canvas_name(BY_LOGIN["ada"], "tiny.ipynb"): "second",
            lms_class.canvas_name(stranger, "tiny.ipynb"): "?",
        },
    )
    os.utime(first, (1, 1))
    expected = as_collected(enrolled, first, second)
    code, said = nbgrader(enrolled, "zip_collect", NAME)
    assert code != 0 and "use the --force option" in said and by_hand.read_text() == "by hand"
    code, said = nbgrader(enrolled, *command_on("collecting.md"))
    assert code == 0, said
    assert "no student in the roster is bodyno" in said and "1 beyond the 2 allowed" in said
    assert submitted(enrolled) == expected
    kept = collected.submissions(enrolled, "ada", NAME)
    assert [(one.folder / "tiny.ipynb").read_text() for one in kept] == [
        "by hand", "first", "second",
    ]  # fmt: skip


def test_zip_collect_without_a_zip_says_where_to_put_it(enrolled):
    archive(enrolled)
    code, said = nbgrader(enrolled, "zip_collect", NAME)
    assert code != 0 and "There is no zip in" in said and "Traceback" not in said


def test_export_writes_what_lmlib_grades_writes(enrolled, monkeypatch):
    monkeypatch.chdir(enrolled.root)
    hand_in(enrolled, "ada", notebook_text(answered(enrolled, scaled=RIGHT)))
    hand_in(enrolled, "zoe", "{")
    assert cli.main(["grade", NAME]) == 0
    assert cli.main(["grades", NAME, "--out", "ours.csv"]) == 0
    code, said = nbgrader(enrolled, *command_on("giving_back.md"))
    assert code == 0, said
    assert (enrolled.root / "grades.csv").read_bytes() == (enrolled.root / "ours.csv").read_bytes()
    assert "wei, tiny: no grade, which is not a zero: nothing submitted." in said
    assert "ada, tiny: no grade, which is not a zero: waits for a person to grade." in said
    so_far = ["--GradesExporter.so_far=True", "--student", "['ada']"]
    code, said = nbgrader(enrolled, "export", EXPORTER, *so_far)
    with open(enrolled.root / "grades.csv", newline="") as file:
        assert [(row["student"], row["points"]) for row in csv.DictReader(file)] == [("ada", "4")]


def test_export_of_a_stranger_assignment_is_a_sentence(enrolled):
    code, said = nbgrader(enrolled, "export", EXPORTER, "--assignment", "['other']")
    assert code != 0 and "There is no assignment 'other'" in said and "Traceback" not in said
