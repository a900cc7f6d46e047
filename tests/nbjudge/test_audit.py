"""The audit: which mistakes are caught and named, which alternates keep their points."""

import shutil

import pytest
from small_course import NAME, two_exercises

from nbjudge.authoring import audit
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError

RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
RENAMED = "def scaled(values, by):\n    return by * values"
SHIFTED = "def shifted(values, by):\n    return by + values"
LEANING = "def shifted(values, by):\n    return scaled(values, factor=1.0) + by"


def write(course, name, text):
    path = course.alternates(NAME) / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def heard(executor, monkeypatch):
    """A list that gets every task that the executor is given."""
    submitted = []
    submit = executor.workers.submit

    def listening(run, task, isolation):
        submitted.append(task)
        return submit(run, task, isolation)

    monkeypatch.setattr(executor.workers, "submit", listening)
    return submitted


def test_alternates_are_audited(course, executor):
    write(course, "scaled/reversed", RIGHT)
    write(course, "scaled/wrong", ADDED)
    findings = audit.audit(course, NAME, executor, lambda found: None)
    assert audit.summary(findings) == "audit: mistakes 2/2 caught, 2 named; alternates 1/2 kept"
    assert not audit.is_passed(findings)
    (wrong,) = [found for found in findings if not found.good]
    assert wrong.name == "scaled/wrong" and "loses points in scaled_test" in wrong.detail


def test_an_audit_can_judge_the_runs_that_the_build_kept(course, executor, monkeypatch):
    write(course, "scaled/reversed", RIGHT)
    submitted = heard(executor, monkeypatch)
    findings = audit.audit(course, NAME, executor, lambda found: None, kept=True)
    assert audit.summary(findings) == "audit: mistakes 2/2 caught, 2 named; alternates 1/1 kept"
    assert len(submitted) == 2, "only the alternate is run, and on changed ground"
    for place in (course.key(NAME) / "runs").glob("*.json"):
        place.unlink()
    again = audit.audit(course, NAME, executor, lambda found: None, kept=True)
    assert again == findings and len(submitted) == 2 + 4, "what is not kept is run"


def test_what_a_student_may_change_costs_no_right_answer_its_points(course, executor):
    findings = audit.audit(course, NAME, executor, lambda found: None, kept=True)
    assert [found.good for found in findings if found.kind == "ground"] == [True]


def test_a_change_that_costs_points_is_named(course, executor, monkeypatch):
    changes = {"a name": "unused = 1", "NumPy itself": "import numpy\nnumpy.random = None"}
    monkeypatch.setattr(audit, "grounds", lambda answers, packages: changes)
    findings = audit.audit(course, NAME, executor, lambda found: None, kept=True)
    found = {found.name: found.good for found in findings if found.kind == "ground"}
    assert found == {"a name": True, "NumPy itself": False}
    assert not audit.is_passed(findings)


def test_an_audit_of_nothing_does_not_pass():
    assert not audit.is_passed([])


@pytest.fixture(scope="module")
def built_with_two(built_once):
    return built_once(notebook=two_exercises(points=2))


@pytest.fixture
def two(built_with_two, tmp_path):
    """A course with two exercises, the test's own to change."""
    return find_course(shutil.copytree(built_with_two, tmp_path / "course"))


def kept_of(course, executor):
    """Whether each alternate keeps its points, and the sentences about those that do not."""
    findings = audit.audit(course, NAME, executor, lambda found: None, kept=True)
    alternates = [found for found in findings if found.kind == "alternate"]
    details = [found.detail for found in alternates if not found.good]
    return {found.name: found.good for found in alternates}, details


def test_alternates_of_different_exercises_are_run_together(two, executor, monkeypatch):
    write(two, "scaled/reversed", RIGHT)
    write(two, "scaled/renamed", RENAMED)
    write(two, "shifted/reversed", SHIFTED)
    submitted = heard(executor, monkeypatch)
    kept, _ = kept_of(two, executor)
    assert kept == {"scaled/renamed": True, "scaled/reversed": True, "shifted/reversed": True}
    assert len(submitted) == 2 + 2, "once more on changed ground"


def test_one_that_loses_points_is_found_among_those_that_keep_them(two, executor):
    write(two, "scaled/added", ADDED)
    write(two, "shifted/reversed", SHIFTED)
    kept, details = kept_of(two, executor)
    assert kept == {"scaled/added": False, "shifted/reversed": True}
    assert details[0].startswith("loses points in scaled_test")


def test_one_may_lean_on_the_model_answer_to_another_exercise(two, executor):
    write(two, "scaled/renamed", RENAMED)
    write(two, "shifted/leaning", LEANING)
    kept, _ = kept_of(two, executor)
    assert kept == {"scaled/renamed": True, "shifted/leaning": True}


def test_one_of_no_exercise_is_a_sentence(two, executor):
    write(two, "shaken/stirred", SHIFTED)
    with pytest.raises(CourseError, match="stirred.py is an alternate of an unknown solution cell"):
        kept_of(two, executor)
