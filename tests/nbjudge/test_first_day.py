"""docs/first_day.md, followed to the letter by a class of 30."""

import re
import shlex
import zipfile
from datetime import datetime

import lms_class
import pytest
from lms_class import CLASS
from small_course import COURSE, NAME, ROOT, answered

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.notebooks import notebook_text
from nbjudge.gradebook.connection import open_gradebook

PAGE = ROOT / "docs" / "first_day.md"
RULES = """
due = 2026-10-15T23:59:00+02:00
late_penalty = 0.1
"""
RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
IN_PLACE = "def scaled(values, factor):\n    values *= factor\n    return values"

BY_LOGIN = {pupil.login: pupil for pupil in CLASS}
LATENESS = (
    "Submitted 1 day 6 hours after your deadline: 2 late days."
    " This takes 20% off your points, 0.2 so far."
)
NOTHING, BROKEN, LATE, AGAIN = "wei", "vint", "mueller", "zak"


def steps(lms):
    """The page's commands and its TOML for one LMS, in order, with the tiny course's name."""
    canvas, moodle, gradescope = re.split(r"^## With \w+$", PAGE.read_text(), flags=re.M)
    part = {"canvas": canvas, "moodle": moodle, "gradescope": gradescope}[lms]
    text = part.replace("ps1_rnn_sampling", NAME)
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


def hand_ins(course):
    """The notebook of everyone who hands in, by login."""
    texts = {
        pupil.login: notebook_text(
            answered(course, scaled=answers(pupil)[0], answer_task="Because.")
        )
        for pupil in CLASS
        if pupil.login != NOTHING
    }
    texts[BROKEN] = texts[BROKEN][:200]
    return texts


@pytest.fixture
def folder(course):
    """The course's folder, with a due date; its instructor is in it."""
    (course.root / "course.toml").write_text(COURSE + RULES)
    return course.root


def download_from_canvas(course, texts):
    folder = course.root
    lms_class.canvas_gradebook(folder / "gradebook.csv", "Tiny", "5")
    names = {
        pupil.login: lms_class.canvas_name(pupil, f"{NAME}.ipynb", pupil.login == LATE)
        for pupil in CLASS
    }
    first = {names[who]: text for who, text in texts.items()}
    lms_class.write_zip(folder / "submissions.zip", first)
    del first[names[AGAIN]]
    newer = lms_class.canvas_name(BY_LOGIN[AGAIN], f"{NAME}-1.ipynb")
    lms_class.write_zip(folder / "submissions-2.zip", {**first, newer: better(course)})


def download_from_moodle(course, texts):
    folder = course.root
    lms_class.moodle_participants(folder / "participants.csv")
    times = {who: "Wednesday, 14 October 2026, 8:42 PM" for who in texts}
    times[LATE] = "Saturday, 17 October 2026, 6:00 AM"
    newer = {**times, AGAIN: "Thursday, 15 October 2026, 7:05 AM"}
    for number, of_times, handed_in in (("", times, texts), ("-2", newer, again(course, texts))):
        lms_class.moodle_worksheet(folder / f"worksheet{number}.csv", "5", of_times)
        files = {
            lms_class.moodle_name(BY_LOGIN[who], f"{NAME}.ipynb", "Lab-1-"): text
            for who, text in handed_in.items()
        }
        ada = lms_class.moodle_name(BY_LOGIN["ada"], "onlinetext.html")
        files[ada.replace("submission_file", "submission_onlinetext")] = "<p>Here it is.</p>"
        lms_class.write_zip(folder / f"submissions{number}.zip", files)


def download_from_gradescope(course, texts):
    folder = course.root
    lms_class.gradescope_roster(folder / "roster.csv")
    times = {LATE: "2026-10-17 04:00:00.000000000 Z"}
    newer = {**times, AGAIN: "2026-10-15 05:05:00.000000000 Z"}
    lms_class.gradescope_export(folder / "submissions.zip", texts, times)
    lms_class.gradescope_export(folder / "submissions-2.zip", again(course, texts), newer)


def again(course, texts):
    return {**texts, AGAIN: better(course)}


def better(course):
    return notebook_text(answered(course, scaled=RIGHT, answer_task="So."))


def grade_written_answers(course):
    """What people do in the formgrader: a point for every written answer."""
    with open_gradebook(course) as gradebook:
        for submission in gradebook.assignment_submissions(NAME):
            if submission.student.id != BROKEN:
                grade = gradebook.find_grade("task", NAME, NAME, submission.student.id)
                grade.manual_score, grade.needs_manual_grade = 1.0, False
        gradebook.db.commit()


def follow(lms, folder, capsys):
    """Do what the page says, and what people do between its commands."""
    codes = []
    for kind, step in steps(lms):
        if kind == "toml":
            with (folder / "course.toml").open("a") as settings:
                settings.write(f"\n{step}")
            said = capsys.readouterr().err
            assert codes[-1] == 1 and "mueller: late, but the LMS does not say by how much" in said
            codes[-1] = 0
            continue
        assert step[0] == ".venv/bin/nbjudge"
        codes.append(cli.main(step[1:]))
        if step[1] == "grade":
            grade_written_answers(find_course(folder))
    assert codes == [0] * len(codes), capsys.readouterr().err


def test_the_page_takes_a_class_from_canvas_to_canvas(course, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    download_from_canvas(course, hand_ins(course))
    follow("canvas", folder, capsys)
    check_canvas_grades(folder)
    names, late = feedback(folder, r"_LATE_4101_")
    assert all(re.fullmatch(rf"\w+_\d+_7\d+_{NAME}\.html", name) for name in names)
    assert LATENESS in late


def test_the_page_takes_a_class_from_moodle_to_moodle(course, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    download_from_moodle(course, hand_ins(course))
    follow("moodle", folder, capsys)
    before = lms_class.read_rows(folder / "worksheet-2.csv")
    after = lms_class.read_rows(folder / "upload.csv")
    grades = {pupil.email: expected(pupil) for pupil in CLASS}
    assert after == [before[0]] + [[*row[:4], grades[row[2]], *row[5:]] for row in before[1:]]
    names, late = feedback(folder, r"Jürgen Müller_880001_")
    assert f"Lab-1-Zoë ONeil_880003_assignsubmission_file_/{NAME}.html" in names
    assert LATENESS in late


def test_the_page_takes_a_class_through_gradescope(course, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    download_from_gradescope(course, hand_ins(course))
    follow("gradescope", folder, capsys)
    rows = {row[0]: row for row in lms_class.read_rows(folder / "grades.csv")[1:]}
    assert {who: row[5] for who, row in rows.items()} == {
        pupil.login: expected(pupil) for pupil in CLASS
    }
    assert rows[NOTHING][-1] == "nothing submitted" and rows[BROKEN][-1].startswith("failed: ")
    names, late = feedback(folder, rf"^{LATE}\.html$")
    assert set(names) == {f"{pupil.login}.html" for pupil in CLASS if pupil.login != NOTHING}
    assert LATENESS in late


def check_canvas_grades(folder):
    before = lms_class.read_rows(folder / "gradebook.csv")
    after = lms_class.read_rows(folder / "upload.csv")
    assert (folder / "upload.csv").read_bytes().startswith(b"\xef\xbb\xbfStudent,ID,")
    grades = {pupil.lms_id: expected(pupil) for pupil in CLASS}
    assert len(after) == len(before) == 34
    for old, new in zip(before, after, strict=True):
        wanted = [*old[:5], grades.get(old[1], old[5]), *old[6:]]
        assert new == wanted
    assert sorted(grades.values()).count("") == 2 and len(set(grades.values())) == 5


def feedback(folder, late):
    """The names in feedback.zip, and the page whose name the pattern `late` finds."""
    with zipfile.ZipFile(folder / "feedback.zip") as archive:
        names = archive.namelist()
        (name,) = [name for name in names if re.search(late, name)]
        page = archive.read(name).decode()
    assert len(names) == 29  # the broken file has a page too, which says why
    return names, page


def test_the_time_on_the_page_is_thirty_hours_late():
    (block,) = [step for kind, step in steps("canvas") if kind == "toml"]
    handed_in = datetime.fromisoformat(re.search(r"handed_in = (\S+)", block)[1])
    due = datetime.fromisoformat(re.search(r"due = (\S+)", RULES)[1])
    assert (handed_in - due).total_seconds() == pytest.approx(30 * 3600, abs=61)
