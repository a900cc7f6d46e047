"""Late days, extensions, penalties: the rules, the gradebook, the page, nbgrader's command."""

import re
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from small_course import COURSE, NAME, ROOT, SANDBOX, answered, hand_in

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.deadlines import Policies, Policy, PolicyException
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import lateness, penalties
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.workflow.feedback import write_feedback
from nbjudge.workflow.grade import grade

DUE = datetime.fromisoformat("2026-10-15T23:59:00+02:00")
HOUR = timedelta(hours=1)
RIGHT = "def scaled(values, factor):\n    return factor * values"
RULES = """
due = 2026-10-15T23:59:00+02:00
late_penalty = 0.1
"""


def policies(*exceptions, late_days=0):
    first = Policy(due=DUE, late_penalty=0.1)
    second = Policy(due=DUE + timedelta(days=14), late_penalty=0.25)
    return Policies(late_days, (("two", second), ("one", first)), exceptions)


@pytest.mark.parametrize(
    ("hours", "days", "share"),
    [(-5, 0, 0.0), (0, 0, 0.0), (1 / 3600, 1, 0.1), (24, 1, 0.1), (25, 2, 0.2), (500, 21, 1.0)],
)
def test_a_late_day_that_has_begun_counts(hours, days, share):
    found = policies().lateness("ada", "one", {"one": DUE + hours * HOUR})
    assert (found.days, found.free) == (days, 0) and found.share == pytest.approx(share)


def test_free_days_go_to_what_was_due_first():
    times = {"one": DUE + 30 * HOUR, "two": DUE + timedelta(days=14) + 30 * HOUR}
    rules = policies(late_days=3)
    assert rules.lateness("ada", "one", times).free == 2
    second = rules.lateness("ada", "two", times)
    assert (second.days, second.free, second.share) == (2, 1, 0.25)


def test_an_assignment_may_limit_its_free_days():
    assert policies(late_days=5).lateness("ada", "one", {"one": DUE + 50 * HOUR}).free == 3
    limited = Policies(5, (("one", Policy(due=DUE, late_days=1, late_penalty=0.1)),))
    assert limited.lateness("ada", "one", {"one": DUE + 50 * HOUR}).free == 1


@pytest.mark.parametrize("extension", [{"days": 2}, {"until": DUE + 48 * HOUR}])
def test_an_extension_is_for_one_student(extension):
    rules = policies(PolicyException("ada", "one", **extension))
    assert not rules.lateness("ada", "one", {"one": DUE + 40 * HOUR}).is_late
    assert rules.lateness("bob", "one", {"one": DUE + 40 * HOUR}).days == 2


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ("due = 2026-10-15\n", "due must be a date and time with its offset"),
        ("due = 2026-10-15T23:59:00\n", "due must be a date and time with its offset"),
        ("due = 'soon'\n", "due must be a date and time"),
        ("attempts = 0\n", "attempts must be a whole number of at least 1"),
        ("attempts = true\n", "attempts must be a whole number"),
        ("late_limit = -1\n", "late_limit must be a whole number of at least 0"),
        ("late_penalty = 10\n", "late_penalty must be a share from 0 to 1"),
        ("late_penalty = nan\n", "late_penalty must be a share from 0 to 1"),
        ("counts = 'best'\n", "counts must be 'latest' or 'first'"),
        ("[[exception]]\nassignment = 'tiny'\n", "number 1: it lacks the setting 'student'"),
        ("[[exception]]\nstudent = 'a'\nassignment = 'ps9'\n", "there is no assignment 'ps9'"),
        ("[[exception]]\nstudent = 'a'\nassignment = 'tiny'\ndays = 2\n", "no due date to extend"),
        ("[[exception]]\nstudent = 'a'\nassignment = 'tiny'\nwhy = 2\n", "unknown setting 'why'"),
        ("[exception]\nstudent = 'a'\n", "written as"),
        ("[[exception]]\nstudent = 'a'\nassignment = 'tiny'\n" * 2, "two tables for a, tiny"),
    ],
)
def test_rules_that_make_no_sense(course, rules, reason):
    (course.root / "course.toml").write_text(COURSE + rules)
    with pytest.raises(CourseError, match=reason):
        find_course(course.root)


def test_free_days_of_the_course_are_a_number(course):
    (course.root / "course.toml").write_text("late_days = 'five'\n" + COURSE)
    with pytest.raises(CourseError, match="late_days must be a whole number"):
        find_course(course.root)


@pytest.fixture
def handed_in(course):
    """ada is thirty hours late, bob in time; the rules take a tenth a day."""
    (course.root / "course.toml").write_text(COURSE + RULES)
    for student, time in (("ada", "2026-10-17 04:00:00 UTC"), ("bob", "2026-10-15 12:00:00 UTC")):
        path = hand_in(course, student, answered(course, scaled=RIGHT, answer_task="So."))
        (path.parent / "timestamp.txt").write_text(time)
    return find_course(course.root)


def kept(course, student):
    """What the gradebook has: score, penalty, seconds late."""
    with open_gradebook(course) as gradebook:
        found = gradebook.find_submission(NAME, student)
        return found.score, found.late_submission_penalty, found.total_seconds_late


def give_points(course, student, points):
    with open_gradebook(course) as gradebook:
        found = gradebook.find_grade("task", NAME, NAME, student)
        found.manual_score, found.needs_manual_grade = points, False
        gradebook.db.commit()


def page(course, student):
    penalties.refresh(course, NAME)
    write_feedback(course, NAME, student)
    return (course.feedback(student, NAME) / f"{NAME}.html").read_text()


def test_grading_enters_the_penalty(handed_in, executor):
    grade(handed_in, NAME, executor)
    assert kept(handed_in, "ada") == (4, pytest.approx(0.8), 30 * 3600 + 60)
    assert kept(handed_in, "bob") == (4, 0, 0)


def test_the_page_tells_it_and_points_by_people_are_in_it(handed_in, executor):
    grade(handed_in, NAME, executor)
    give_points(handed_in, "ada", 1)
    text = page(handed_in, "ada")
    assert kept(handed_in, "ada")[:2] == (5, pytest.approx(1.0))
    assert "This takes 20% off your points, 1 so far." in text
    assert "<strong>4</strong>" in text and "−1<" in text
    assert "deadline" not in page(handed_in, "bob")


def test_an_extension_that_comes_later_takes_the_penalty_back(handed_in, executor):
    grade(handed_in, NAME, executor)
    more = "[[exception]]\nstudent = 'ada'\nassignment = 'tiny'\ndays = 2\n"
    (handed_in.root / "course.toml").write_text(COURSE + RULES + more)
    course = find_course(handed_in.root)
    assert "deadline" not in page(course, "ada") and kept(course, "ada") == (4, 0, 0)


def test_free_days_are_told(handed_in, executor):
    (handed_in.root / "course.toml").write_text("late_days = 1\n" + COURSE + RULES)
    course = find_course(handed_in.root)
    grade(course, NAME, executor)
    assert kept(course, "ada")[1] == pytest.approx(0.4)
    assert "2 late days, 1 of them free. This takes 10% off your points" in page(course, "ada")


def test_a_submission_that_failed_loses_nothing(handed_in, executor):
    (handed_in.submitted("ada", NAME) / f"{NAME}.ipynb").write_text("{")
    grade(handed_in, NAME, executor)
    assert kept(handed_in, "ada")[1] == 0


def test_without_a_due_date_what_others_entered_stays(course, executor):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2020-01-01 00:00 UTC")
    grade(course, NAME, executor)
    with open_gradebook(course) as gradebook:
        assert gradebook.find_assignment(NAME).duedate.year == 2020


def test_nbgraders_own_command_comes_to_the_same(handed_in, executor):
    grade(handed_in, NAME, executor)
    ours = kept(handed_in, "ada")
    with open_gradebook(handed_in) as gradebook:
        gradebook.remove_submission(NAME, "ada")
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME, "--student", "ada", "--force"]
    command += [f"--Execute.sandbox={SANDBOX}"]
    done = subprocess.run(command, cwd=handed_in.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert kept(handed_in, "ada") == ours


def test_a_share_above_all_points_takes_all():
    rules = Policies(0, (("one", Policy(due=DUE, late_penalty=0.6)),))
    assert rules.lateness("ada", "one", {"one": DUE + 25 * HOUR}).share == 1


def test_the_page_on_late_days(handed_in, executor, monkeypatch):
    """Its settings are read, its commands are run, and its exception takes ada's penalty back."""
    grade(handed_in, NAME, executor)
    text = (ROOT / "docs" / "late_days.md").read_text().replace("ps1_rnn_sampling", NAME)
    (settings,) = re.findall(r"^```toml\n(.*?)^```$", text, re.M | re.S)
    settings = settings.replace('"numpy", "matplotlib"', '"numpy"').replace(
        "due =", "limits.cell_seconds = 20\ndue ="
    )
    (handed_in.root / "course.toml").write_text(
        settings.replace("Recurrent networks, by hand", "Tiny")
    )
    monkeypatch.chdir(handed_in.root)
    for words in re.findall(r"^\.venv/bin/nbjudge (.+)$", text, re.M):
        assert cli.main(words.split()) == 0
    course = find_course(handed_in.root)
    assert lateness.lateness(course, "ada", NAME).seconds == 0 and kept(course, "ada")[1] == 0
