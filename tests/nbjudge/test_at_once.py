"""What the instructor's page says may run at once, does; what may not, is refused."""

import shutil

import pytest
from nbgrader.api import Gradebook
from small_course import NAME, answered, at_once, hand_in

from nbjudge.core import locks
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import history
from nbjudge.gradebook.points import entered_points
from nbjudge.workflow import archive, grade, grades

STUDENTS = [f"student{number}" for number in range(6)]
RIGHT = "def scaled(values, factor):\n    return factor * values"


@pytest.fixture(scope="module")
def graded_once(built_folder, tmp_path_factory, executor):
    folder = shutil.copytree(built_folder, tmp_path_factory.mktemp("at once") / "course")
    course = find_course(folder)
    for student in STUDENTS:
        hand_in(course, student, answered(course, scaled=RIGHT, answer_task="So."))
    grade.grade(course, NAME, executor)
    return folder


@pytest.fixture
def graded(graded_once, tmp_path):
    return find_course(shutil.copytree(graded_once, tmp_path / "course"))


def gives_points(course, person: int, rounds: int) -> None:
    """A grader in a formgrader of their own: a point more for each third student, every round."""
    for turn in range(1, rounds + 1):
        for student in STUDENTS[person::2]:
            with Gradebook(course.gradebook_url) as gradebook:
                found = gradebook.find_grade("task", NAME, NAME, student)
                found.manual_score, found.needs_manual_grade = turn / rounds, False
                gradebook.db.commit()


def test_two_people_give_points_while_everything_is_graded_again(graded, executor):
    at_once(
        lambda: gives_points(graded, 0, 4),
        lambda: gives_points(graded, 1, 4),
        lambda: grade.grade(graded, NAME, executor, force=True),
        lambda: [grades.scores(graded, NAME, so_far=True) for _ in range(3)],
    )
    found = entered_points(graded, NAME)
    for student in STUDENTS:
        points = {one.grade_id: one for one in found[student]}
        assert (points["task"].person, points["scaled_test"].machine) == (1.0, 4.0)
    changes = history.changes(graded, [NAME])
    given = [one.after for one in changes if one.student == STUDENTS[0] and one.cell == "task"]
    assert given == [0.25, 0.5, 0.75, 1.0]


def test_an_archive_made_while_people_grade_is_of_one_moment(graded, tmp_path):
    paths = [tmp_path / f"{number}.db" for number in range(4)]
    at_once(
        lambda: gives_points(graded, 0, 4),
        lambda: [archive.copy_gradebook(graded, path) for path in paths],
    )
    for path in paths:
        assert archive.gradebook_digest(path)
        course = tmp_path / path.stem
        course.mkdir()
        shutil.copy(graded.root / "course.toml", course)
        shutil.copy(path, course / "gradebook.db")
        assert entered_points(find_course(course), NAME).keys() == set(STUDENTS)


def test_a_second_run_on_the_same_problem_set_is_refused(graded, executor):
    lock = graded.root / "autograded" / f".{NAME}.lock"
    before = {path: path.stat().st_mtime_ns for path in graded.root.rglob("*.ipynb")}
    with locks.only_one(lock, "not here"):
        with pytest.raises(CourseError, match="Another program is grading tiny here"):
            grade.grade(graded, NAME, executor, force=True)
        assert len(grade.grade(graded, NAME, executor)) == len(STUDENTS)  # nothing is left to do
    assert {path: path.stat().st_mtime_ns for path in before} == before
    grade.grade(graded, NAME, executor, student=STUDENTS[0], force=True)


def test_a_lock_is_lifted_when_its_holder_ends_and_missing_locks_stop_nobody(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError), locks.only_one(tmp_path / "a.lock", "held"):
        raise RuntimeError
    with locks.only_one(tmp_path / "a.lock", "held"):
        pass

    def without(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", without)
    with locks.only_one(tmp_path / "a.lock", "held"):
        pass
