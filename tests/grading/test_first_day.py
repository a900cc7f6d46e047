"""docs/first_day.md, followed to the letter by a class of 30."""

import re
import shlex
import zipfile
from datetime import datetime

import lms_class
import pytest
from lms_class import CLASS
from small_course import COURSE, NAME, ROOT, answered

from lmlib.grading import cli
from lmlib.grading.course import find_course
from lmlib.grading.gradebook import open_gradebook
from lmlib.grading.notebooks import notebook_text

PAGE = ROOT / "docs" / "first_day.md"
RULES = """
due = 2026-10-15T23:59:00+02:00
late_penalty = 0.1
"""
RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
IN_PLACE = "def scaled(values, factor):\n    values *= factor\n    return values"

NOTHING, BROKEN, LATE, AGAIN = "wei", "vint", "mueller", "zak"


def steps():
    """The page's commands and its TOML, in order, with the tiny course's name."""
    text = PAGE.read_text().replace("ps1_rnn_sampling", NAME)
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        if language == "toml":
            yield "toml", block
        else:
            for line in block.splitlines():
                yield "command", shlex.split(line, comments=True)


def answers(pupil):
    """What a pupil hands in, and what the machine gives for it."""
    return [(RIGHT, 4.0), (ADDED, 0.0), (IN_PLACE, 2.0)][pupil.number % 3]


def expected(pupil):
    """The grade in the LMS's file: the machine's points, one by a person, lateness."""
    if pupil.login in (NOTHING, BROKEN):
        return ""
    machine = 4.0 if pupil.login == AGAIN else answers(pupil)[1]
    points = machine + 1
    if pupil.login == LATE:
        points -= 0.2 * points  # thirty hours are two late days
    return f"{round(points, 2):g}"


@pytest.fixture
def files(course, tmp_path):
    """What the instructor has downloaded, in the course's folder."""
    (course.root / "course.toml").write_text(COURSE + RULES)
    lms_class.canvas_gradebook(course.root / "gradebook.csv", "Tiny", "5")
    handed_in = {}
    for pupil in CLASS:
        text = notebook_text(answered(course, scaled=answers(pupil)[0], answer_task="Because."))
        name = lms_class.canvas_name(pupil, f"{NAME}.ipynb", pupil.login == LATE)
        handed_in[name] = text[:200] if pupil.login == BROKEN else text
    del handed_in[lms_class.canvas_name(CLASS[-1], f"{NAME}.ipynb")]
    lms_class.write_zip(course.root / "submissions.zip", handed_in)
    again = next(pupil for pupil in CLASS if pupil.login == AGAIN)
    del handed_in[lms_class.canvas_name(again, f"{NAME}.ipynb")]
    newer = lms_class.canvas_name(again, f"{NAME}-1.ipynb")
    handed_in[newer] = notebook_text(answered(course, scaled=RIGHT, answer_task="So."))
    lms_class.write_zip(course.root / "submissions-2.zip", handed_in)
    return course.root


def grade_written_answers(course):
    """What people do in the formgrader: a point for every written answer."""
    with open_gradebook(course) as gradebook:
        for submission in gradebook.assignment_submissions(NAME):
            if submission.student.id != BROKEN:
                grade = gradebook.find_grade("task", NAME, NAME, submission.student.id)
                grade.manual_score, grade.needs_manual_grade = 1.0, False
        gradebook.db.commit()


def test_the_page_takes_a_class_from_zip_to_grade_file(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    codes = []
    for kind, step in steps():
        if kind == "toml":
            with (files / "course.toml").open("a") as settings:
                settings.write(f"\n{step}")
            assert codes[-1] == 1 and "mueller: late, by how much" in capsys.readouterr().err
            codes[-1] = 0
            continue
        assert step[0] == ".venv/bin/lmlib"
        codes.append(cli.main(step[1:]))
        if step[1] == "grade":
            grade_written_answers(find_course(files))
    assert codes == [0] * len(codes)
    check_grade_file(files)
    check_feedback(files)


def check_grade_file(folder):
    before = lms_class.read_rows(folder / "gradebook.csv")
    after = lms_class.read_rows(folder / "upload.csv")
    assert (folder / "upload.csv").read_bytes().startswith(b"\xef\xbb\xbfStudent,ID,")
    grades = {pupil.lms_id: expected(pupil) for pupil in CLASS}
    assert len(after) == len(before) == 33
    for old, new in zip(before, after, strict=True):
        wanted = [*old[:5], grades.get(old[1], old[5]), *old[6:]]
        assert new == wanted
    assert sorted(grades.values()).count("") == 2 and len(set(grades.values())) == 5


def check_feedback(folder):
    with zipfile.ZipFile(folder / "feedback.zip") as archive:
        names = archive.namelist()
        (late,) = [name for name in names if "_LATE_4101_" in name]
        page = archive.read(late).decode()
    assert len(names) == 29  # the broken file has a page too, which says why
    assert all(re.fullmatch(rf"\w+_\d+_7\d+_{NAME}\.html", name) for name in names)
    assert (
        "Handed in 1 day 6 hours after your deadline: 2 late days."
        " This takes 20% off your points, 0.2 so far."
    ) in page


def test_the_time_on_the_page_is_thirty_hours_late():
    (block,) = [step for kind, step in steps() if kind == "toml"]
    handed_in = datetime.fromisoformat(re.search(r"handed_in = (\S+)", block)[1])
    due = datetime.fromisoformat(re.search(r"due = (\S+)", RULES)[1])
    assert (handed_in - due).total_seconds() == pytest.approx(30 * 3600, abs=61)
