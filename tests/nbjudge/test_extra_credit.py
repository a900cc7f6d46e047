"""Extra credit: cells of no points to nbgrader, judged like all others, entered as its extra."""

import json
import shutil
import subprocess
import sys

import pytest
from nbgrader.api import Gradebook
from small_course import NAME, SANDBOX, answered, hand_in, two_exercises

from nbjudge.authoring import build
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import read_notebook
from nbjudge.sandbox import engine
from nbjudge.workflow import feedback, grade

SCALED = "def scaled(values, factor):\n    return factor * values"
RIGHT = "def shifted(values, by):\n    return by + values"
HALF = "def shifted(values, by):\n    return values + by if by < 1 else values"


@pytest.fixture(scope="module")
def built(built_once):
    return built_once(notebook=two_exercises(extra_credit=2))


@pytest.fixture
def course(built, tmp_path):
    return find_course(shutil.copytree(built, tmp_path / "course"))


def hand_in_all(course):
    hand_in(course, "ada", answered(course, scaled=SCALED, shifted=RIGHT))
    hand_in(course, "bob", answered(course, scaled=SCALED, shifted=HALF))
    hand_in(course, "eve", answered(course, scaled=SCALED))


def in_gradebook(course):
    """Score, most points, and extra credit, of each student."""
    with Gradebook(course.gradebook_url) as gradebook:
        return {
            found.student.id: (
                found.score,
                found.max_score,
                gradebook.find_grade("shifted_test", NAME, NAME, found.student.id).extra_credit,
            )
            for found in gradebook.assignment_submissions(NAME)
        }


ENTERED = {"ada": (6, 5, 2), "bob": (5, 5, 1), "eve": (4, 5, 0)}


def test_the_judged_share_is_extra_credit_in_the_gradebook(course, executor):
    hand_in_all(course)
    grade.grade(course, NAME, executor)
    assert in_gradebook(course) == ENTERED


def test_nbgrader_gives_the_same(course):
    hand_in_all(course)
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME]
    command += [f"--Execute.sandbox={SANDBOX}"]
    subprocess.run(command, cwd=course.root, capture_output=True, check=True)
    assert in_gradebook(course) == ENTERED


def test_feedback_calls_it_extra(course, executor):
    hand_in_all(course)
    grade.grade(course, NAME, executor)
    ((page,), _) = feedback.write_feedback(course, NAME, "bob")
    text = " ".join(page.read_text().split())
    assert "of 2 extra" in text
    assert "five values shifted" in text.lower()


def test_what_is_graded_is_not_graded_again(course, executor, monkeypatch):
    hand_in_all(course)
    grade.grade(course, NAME, executor)
    monkeypatch.setattr(engine, "run", lambda *_: pytest.fail("ran again"))
    grade.grade(course, NAME, executor)


def test_a_graders_extra_credit_stays_and_the_machines_is_renewed(course, executor):
    hand_in_all(course)
    grade.grade(course, NAME, executor)
    with Gradebook(course.gradebook_url) as gradebook:
        gradebook.find_grade("shifted_test", NAME, NAME, "bob").extra_credit = 1.5
        gradebook.db.commit()
    hand_in(course, "eve", answered(course, scaled=SCALED, shifted=RIGHT))
    grade.grade(course, NAME, executor, force=True)
    assert in_gradebook(course) == ENTERED | {"bob": (5.5, 5, 1.5), "eve": (6, 5, 2)}


def test_the_release_says_what_it_is_worth_and_hides_the_test(course):
    release = read_notebook(course.release(NAME))
    (cell,) = [cell for cell in release.cells if cell.id == "shifted_test"]
    assert cell.metadata["nbjudge"]["extra_credit"] == 2
    assert "observe" not in cell.source
    handed = json.dumps(read_notebook(course.release(NAME)))
    assert "five values shifted" not in handed


def test_a_student_cannot_raise_it(course, executor):
    notebook = answered(course, scaled=SCALED, shifted=RIGHT)
    for cell in notebook.cells:
        if cell.id == "shifted_test":
            cell.metadata["nbjudge"] = {"extra_credit": 50}
    hand_in(course, "ada", notebook)
    grade.grade(course, NAME, executor)
    assert in_gradebook(course) == {"ada": (6, 5, 2)}


@pytest.mark.parametrize("extra_credit", [0.1, -1])
def test_extra_credit_comes_in_quarters(build_tiny, extra_credit):
    with pytest.raises(CourseError, match="positive and in quarters"):
        build_tiny(notebook=two_exercises(extra_credit=extra_credit))


def test_a_cell_has_points_or_extra_credit(build_tiny):
    course = build_tiny(notebook=two_exercises(points=3, extra_credit=2))
    _, template, _ = build.check_source(course, NAME)
    (cell,) = [cell for cell in template.cells if cell.id == "shifted_test"]
    assert cell.metadata.nbgrader.points == 3
