"""The Python interface: the page that documents it is run, and it gives what the command gives."""

import contextlib
import io
import re

import pytest
from small_course import COURSE, NAME, answered, hand_in

from nbjudge.api import Course, CourseError, grade_notebook
from nbjudge.core.notebooks import read_notebook
from nbjudge.judge.verdicts import attached
from tests.docs.pages import FENCE, ROOT

PAGE = ROOT / "docs" / "api.md"
RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"


def test_the_page_does_what_it_says(course, monkeypatch):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    hand_in(course, "bob", '{"cells": [')
    monkeypatch.chdir(course.root)
    names, printed = {}, 0
    shown = io.StringIO()
    for language, name, block in FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(re.sub(r"\bps1\b", NAME, block), names)
        elif name == "printed":
            assert re.sub(rf"\b{NAME}\b", "ps1", shown.getvalue()) == block
            printed += 1
    assert printed == 3


def test_verdicts_are_those_of_the_gradebook_and_of_one_notebook(course, executor):
    path = hand_in(course, "bob", answered(course, scaled=ADDED))
    told = []
    opened = Course.open(course.root, executor=executor)
    verdicts = opened.grade(NAME, progress=lambda *one: told.append(one))
    assert told == list(verdicts.items())
    assert (verdicts["bob"].score, verdicts["bob"].points) == (0, 4)
    assert [cell.mistake for cell in verdicts["bob"].cells] == ["added"]
    record = attached(read_notebook(course.autograded_notebook("bob", NAME)))
    assert record.verdicts == verdicts["bob"].cells
    assert grade_notebook(course.key(NAME), path) == verdicts["bob"]


def test_what_is_graded_is_told_without_workers(course, executor, monkeypatch):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    first = Course.open(course.root, executor=executor).grade(NAME)
    monkeypatch.setattr(Course, "_workers", lambda self: pytest.fail("started workers"))
    assert Course.open(course.root).grade(NAME, students="ada") == first


def test_one_notebook_is_graded_without_a_trace(course, tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_text(hand_in(course, "ada", answered(course, scaled=RIGHT)).read_text())
    before = sorted(course.root.rglob("*")), sorted(tmp_path.glob("*"))
    assert grade_notebook(course.key(NAME), path).score == 4
    assert (sorted(course.root.rglob("*")), sorted(tmp_path.glob("*"))) == before


def test_a_notebook_that_cannot_be_graded_has_a_reason(course, tmp_path):
    found = grade_notebook(course.key(NAME), tmp_path / "missing.ipynb")
    assert not found.is_graded and found.cells == ()
    assert found.reason == "there is no missing.ipynb in the submission"


def test_another_folder_is_no_key(course, tmp_path):
    for folder in (course.root / "release" / NAME, course.root / "source" / NAME):
        with pytest.raises(CourseError, match="is not the folder of an answer key"):
            grade_notebook(folder, tmp_path / "any.ipynb")
    with pytest.raises(CourseError, match="There is no assignment 'ps9'"):
        grade_notebook(course.key("ps9"), tmp_path / "any.ipynb")


def test_a_course_is_opened_from_below_and_only_if_it_is_one(course, tmp_path):
    opened = Course.open(course.key(NAME))
    assert (opened.root, opened.assignments) == (course.root, (NAME,))
    assert opened.title in COURSE
    with pytest.raises(CourseError, match="is not in a course folder"):
        Course.open(tmp_path)
