"""The page with the instructors' solutions: when it may be written, and what it never holds."""

from datetime import UTC, datetime, timedelta

import pytest
import stock_course
from small_course import COURSE, MISTAKES, NAME, tiny_notebook, write_course

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.deadlines import Policies, Policy, PolicyException
from nbjudge.core.errors import CourseError
from nbjudge.workflow.solutions import write_solutions

DUE = datetime(2026, 10, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def course_with(folder, *, rules="", exception=""):
    """A course in `folder` with these lines for its assignment, and these tables."""
    write_course(folder, tiny_notebook(), MISTAKES)
    (folder / "course.toml").write_text(f"{COURSE}\n{rules}\n{exception}")
    return find_course(folder)


def closes(*exceptions, late_days=0, **rules):
    policies = Policies(late_days, (("one", Policy(due=DUE, **rules)),), exceptions)
    return policies.closes("one")


def test_it_closes_with_the_last_deadline_and_the_late_days_after_it():
    assert closes() == DUE
    assert closes(late_days=3) == DUE + 3 * DAY
    assert closes(late_days=3, late_limit=1) == DUE + DAY
    assert closes(late_days=3, late_limit=7) == DUE + 7 * DAY
    assert closes(PolicyException("ada", "one", days=5), late_limit=2) == DUE + 7 * DAY
    assert closes(PolicyException("ada", "two", days=5)) == DUE
    assert Policies(2, (("one", Policy()),)).closes("one") is None


def test_the_page_holds_solutions_and_nothing_that_is_hidden(tmp_path):
    course = course_with(tmp_path, rules="due = 2026-10-15T12:00:00Z")
    text = write_solutions(course, NAME, now=DUE + DAY).read_text()
    plain = text.replace("<span", "\n<span")
    assert "values" in plain and text.count('<p class="label">Solution</p>') == 1
    for word in ("BEGIN", "hidden_", "observe", "MARK SCHEME", "NotImplementedError", "<script"):
        assert word not in text


@pytest.mark.parametrize(
    ("rules", "exception", "now", "says"),
    [
        ("", "", DUE + 99 * DAY, "no `due`"),
        ("due = 2026-10-15T12:00:00Z", "", DUE, "until 2026-10-15 12:00"),
        (
            "due = 2026-10-15T12:00:00Z\nlate_limit = 2",
            f'[[exception]]\nstudent = "ada"\nassignment = "{NAME}"\ndays = 1',
            DUE + 3 * DAY,
            "until 2026-10-18 12:00",
        ),
    ],
)
def test_it_is_not_written_as_long_as_somebody_may_hand_in(tmp_path, rules, exception, now, says):
    course = course_with(tmp_path, rules=rules, exception=exception)
    with pytest.raises(CourseError, match=says):
        write_solutions(course, NAME, now=now)
    assert not (tmp_path / "solutions").exists()


def test_the_command_writes_it_and_says_where(tmp_path, capsys):
    course_with(tmp_path, rules="due = 2020-10-15T12:00:00Z")
    words = ["--course", str(tmp_path), "feedback", NAME, "--solutions"]
    assert cli.main(words) == 0
    assert str(tmp_path / "solutions" / f"{NAME}.html") in capsys.readouterr().out


def test_of_an_adopted_course_it_hides_what_nbgrader_hides(tmp_path):
    stock_course.write(tmp_path)
    rules = 'tests = "asserts"\ndue = 2026-10-15T12:00:00Z\npackages = []'
    (tmp_path / "course.toml").write_text(
        f'title = "Stock"\n\n[[assignment]]\nname = "{stock_course.NAME}"\ntitle = "T"\n{rules}\n'
    )
    text = write_solutions(find_course(tmp_path), stock_course.NAME, now=DUE + DAY).read_text()
    assert "Why?" in text and "square" in text
    for word in ("MARK SCHEME", "31337", "BEGIN SOLUTION"):
        assert word not in text
