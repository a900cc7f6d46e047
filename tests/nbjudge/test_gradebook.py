"""The gradebook: who asks it writes nothing, and penalties are brought up to date in one place."""

import shutil

import pytest
from nbgrader.api import Gradebook
from small_course import COURSE, NAME, answered, hand_in
from sqlalchemy import text

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import penalties, students
from nbjudge.gradebook.connection import gradebook_errors, open_gradebook, read_gradebook
from nbjudge.gradebook.ledger import check_cells_kept
from nbjudge.pages import class_results, report
from nbjudge.plugins.nbgrader import FeedbackPage
from nbjudge.workflow import feedback, grade, grades

RIGHT = "def scaled(values, factor):\n    return factor * values"
RULES = "due = 2026-10-15T23:59:00+02:00\nlate_penalty = 0.1\n"
WHO = ("ada", "bob", "cleo")


@pytest.fixture(scope="module")
def late_once(built_folder, tmp_path_factory, executor):
    """Three who are thirty hours late; then a person gives each of them a point."""
    folder = shutil.copytree(built_folder, tmp_path_factory.mktemp("late") / "course")
    (folder / "course.toml").write_text(COURSE + RULES)
    course = find_course(folder)
    for student in WHO:
        path = hand_in(course, student, answered(course, scaled=RIGHT, answer_task="So."))
        (path.parent / "timestamp.txt").write_text("2026-10-17 06:00:00 +0200")
    grade.grade(course, NAME, executor)
    with open_gradebook(course) as gradebook:
        for student in WHO:
            found = gradebook.find_grade("task", NAME, NAME, student)
            found.manual_score, found.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    return folder


@pytest.fixture
def late(late_once, tmp_path, monkeypatch):
    """That course, the test's own to change, as the current folder."""
    course = find_course(shutil.copytree(late_once, tmp_path / "course"))
    monkeypatch.chdir(course.root)
    return course


def contents(course):
    """All files of the gradebook: itself, and any journal next to it."""
    return {path.name: path.read_bytes() for path in course.root.glob("gradebook.db*")}


def entered(course, student="ada"):
    with read_gradebook(course) as gradebook:
        return penalties.entered(gradebook, NAME, student)


def test_asking_writes_nothing(late):
    before = contents(late)
    assert [score.penalty for score in grades.scores(late, NAME)] == pytest.approx([0.8] * 3)
    assert "0.8 so far" in feedback.page(late, NAME, "ada")
    assert feedback.write_feedback(late, NAME)[1] == []
    report.write_report(late, [NAME], late.root / "report")
    assert class_results.totals(late)[NAME].keys() == set(WHO)
    assert len(students.known_students(late)) == 3
    assert contents(late) == before


def test_who_asks_could_not_write(late):
    before = contents(late)

    def rename(gradebook):
        gradebook.update_or_create_student("dan", last_name="Daring")

    def delete(gradebook):
        gradebook.db.execute(text("DELETE FROM grade"))
        gradebook.db.commit()

    for change in (rename, delete):
        message = pytest.raises(CourseError, match="attempt to write a readonly database")
        with message, gradebook_errors(late), read_gradebook(late) as gradebook:
            change(gradebook)
    assert contents(late) == before


def test_whatever_only_asks_opens_it_for_reading(late, monkeypatch):
    """Nothing that asks reaches for a connection that could write."""
    opened = []
    real = Gradebook.close

    def close(self):
        opened.append(self.db.execute(text("PRAGMA query_only")).scalar())
        real(self)

    monkeypatch.setattr(Gradebook, "close", close)
    grades.scores(late, NAME)
    feedback.page(late, NAME, "ada")
    report.write_report(late, [NAME], late.root / "report")
    check_cells_kept(late, NAME, answered(late))
    assert opened[::2] == [0] * (len(opened) // 2)  # nbgrader's own first one, closed at once
    assert opened[1::2] == [1] * (len(opened) // 2) and len(opened) >= 8


def test_what_was_refreshed_is_entered_once(late):
    penalties.refresh(late, NAME)
    assert entered(late) == pytest.approx(1.0)
    before = contents(late)
    penalties.refresh(late, NAME)
    assert contents(late) == before


def test_only_those_who_are_named_are_refreshed(late):
    penalties.refresh(late, NAME, ["bob"])
    assert [entered(late, who) for who in WHO] == pytest.approx([0.8, 1.0, 0.8])


def test_a_refresh_that_ends_early_has_entered_nothing(late, monkeypatch):
    before = contents(late)
    real = penalties.enter

    def fails_for_cleo(course, gradebook, config, record):
        if record.student == "cleo":
            raise CourseError("no more")
        real(course, gradebook, config, record)

    monkeypatch.setattr(penalties, "enter", fails_for_cleo)
    with pytest.raises(CourseError, match="no more"):
        penalties.refresh(late, NAME)
    assert contents(late) == before


@pytest.mark.parametrize(
    "command", [["feedback", NAME], ["grades", NAME], ["return", NAME]], ids=lambda words: words[0]
)
def test_commands_that_give_back_refresh_first(late, command):
    assert cli.main(command) == 0
    assert [entered(late, who) for who in WHO] == pytest.approx([1.0] * 3)


def test_nbgraders_own_feedback_refreshes_first(late):
    resources = {"nbgrader": {"assignment": NAME, "student": "ada"}}
    page, _ = FeedbackPage().from_filename("", resources)
    assert "This takes 20% off your points, 1 so far." in page
    assert entered(late) == pytest.approx(1.0)


def test_a_locked_gradebook_is_a_sentence_and_still_answers(late):
    with open_gradebook(late) as other:
        other.db.execute(text("BEGIN IMMEDIATE"))
        assert [score.points for score in grades.scores(late, NAME)] == pytest.approx([4.2] * 3)
        with pytest.raises(CourseError, match="locked by another program"):
            penalties.refresh(late, NAME)


def test_without_a_gradebook_none_is_made(late):
    (late.root / "gradebook.db").unlink()
    penalties.refresh(late, NAME)
    assert students.known_students(late) == [] and class_results.totals(late) == {}
    with pytest.raises(CourseError, match="There is no gradebook in .* yet"):
        grades.scores(late, NAME)
    with pytest.raises(CourseError, match="There is no gradebook in .* yet"):
        feedback.page(late, NAME, "ada")
    assert contents(late) == {}


@pytest.mark.parametrize("written", ["2026-10-17 06:00:00 CEST", "last Saturday"])
def test_a_time_that_nobody_knows_costs_nothing_and_gives_no_grade(late, written):
    (late.submitted("ada", NAME) / "timestamp.txt").write_text(written)
    penalties.refresh(late, NAME)
    with read_gradebook(late) as gradebook:
        found = gradebook.find_submission(NAME, "ada")
        assert (found.timestamp, found.total_seconds_late) == (None, 0)
        assert found.late_submission_penalty == 0
    status = {score.person.student: score.status for score in grades.scores(late, NAME)}
    assert (status["ada"], status["bob"]) == ("exact submission time unknown", "graded")
    known = (
        "[[exception]]\nstudent = 'ada'\nassignment = 'tiny'\nhanded_in = 2026-10-16T12:00:00Z\n"
    )
    (late.root / "course.toml").write_text(COURSE + RULES + known)
    course = find_course(late.root)
    penalties.refresh(course, NAME)
    assert grades.scores(course, NAME)[0].points == pytest.approx(4.5)


def test_a_time_that_is_early_in_every_zone_is_in_time(late):
    (late.submitted("ada", NAME) / "timestamp.txt").write_text("2026-10-15 09:00:00 CEST")
    penalties.refresh(late, NAME)
    assert grades.scores(late, NAME)[0].points == 5


def test_a_time_without_a_zone_is_in_the_deadlines(late):
    (late.submitted("ada", NAME) / "timestamp.txt").write_text("2026-10-15 23:58:00")
    penalties.refresh(late, NAME)
    assert entered(late) == 0
    (late.submitted("ada", NAME) / "timestamp.txt").write_text("2026-10-16 00:00:00")
    penalties.refresh(late, NAME)
    assert entered(late) == pytest.approx(0.5)
