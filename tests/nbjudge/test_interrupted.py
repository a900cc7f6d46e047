"""A run that is killed and started again gives what an uninterrupted run gives."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from nbgrader.api import Gradebook
from small_course import NAME, SANDBOX, answered, hand_in

from nbjudge.core.course import Course, find_course

MOMENTS = int(os.environ.get("NBJUDGE_KILLS", "4"))  # `make soak` asks for more
STUDENTS = 30
ANSWERS = (
    "def scaled(values, factor):\n    return factor * values",
    "def scaled(values, factor):\n    return values + factor",
    "def scaled(values, factor):\n    values *= factor\n    return values",
    "def scaled(values, factor):\n    raise NotImplementedError()",
)


def command(course: Course, *words: str) -> list[str]:
    return [sys.executable, "-m", "nbjudge.cli", "--course", str(course.root), *words]


def start(course: Course) -> subprocess.Popen[str]:
    """`nbjudge grade` of the whole class, in a session of its own.

    A test suite that a shell runs in the background has Ctrl-C ignored, and hands that on.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command(course, "grade", NAME, "--jobs", "2", "--sandbox", SANDBOX),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def class_of_30(course: Course) -> Course:
    for number in range(STUDENTS):
        answer = ANSWERS[number % len(ANSWERS)]
        hand_in(course, f"student{number:02}", answered(course, scaled=answer))
    hand_in(course, "student99", "no notebook")
    return course


def table(course: Course) -> dict[tuple[str, str], tuple[float | None, bool, str | None]]:
    """All that the machine has entered, by student and cell."""
    with Gradebook(course.gradebook_url) as gradebook:
        found = {}
        for submission in gradebook.assignment_submissions(NAME):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    entry = grade.auto_score, grade.needs_manual_grade, None
                    found[submission.student.id, grade.name] = entry
                for comment in notebook.comments:
                    entry = None, False, comment.auto_comment
                    found[submission.student.id, f"comment on {comment.name}"] = entry
        return found


def graded_files(course: Course) -> dict[str, int]:
    """When each autograded notebook that the ledger knows of was written, by its folder."""
    return {
        str(path.parent): path.stat().st_mtime_ns
        for path in (course.root / "autograded").glob(f"*/{NAME}/{NAME}.ipynb")
    }


def test_killed_at_any_moment_it_ends_with_the_same_table(class_of_30: Course, tmp_path: Path):
    whole = find_course(shutil.copytree(class_of_30.root, tmp_path / "whole"))
    began = time.monotonic()
    process = start(whole)
    assert process.communicate()[1] is not None and process.returncode == 0
    lasted = time.monotonic() - began
    delays = random.Random(4)
    killed = 0
    written: dict[str, int] = {}
    while killed < MOMENTS:
        process = start(class_of_30)
        try:
            process.communicate(timeout=delays.uniform(0.1, 0.9) * lasted)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
        for place, moment in graded_files(class_of_30).items():
            assert written.setdefault(place, moment) == moment, "graded twice"
        if process.returncode == 0:  # it got to its end: the next moments need work again
            shutil.rmtree(class_of_30.root / "autograded")
            (class_of_30.root / "gradebook.db").unlink()
            shutil.copy(whole.root.parent / "fresh.db", class_of_30.root / "gradebook.db")
            written.clear()
    assert start(class_of_30).wait() == 0
    for place, moment in graded_files(class_of_30).items():
        assert written.get(place, moment) == moment, "graded twice"
    assert table(class_of_30) == table(whole)
    assert len({student for student, _ in table(whole)}) == STUDENTS + 1
    assert not list(class_of_30.root.rglob("*.part"))


@pytest.fixture(autouse=True)
def fresh_gradebook(class_of_30: Course, tmp_path: Path) -> None:
    shutil.copy(class_of_30.root / "gradebook.db", tmp_path / "fresh.db")


def test_what_was_killed_leaves_no_process(class_of_30: Course):
    process = start(class_of_30)
    assert process.stderr is not None
    while not list((class_of_30.root / "autograded").glob("student*")):
        time.sleep(0.05)
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) > 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not [left for left in alive if left.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_ends_within_two_seconds_and_says_how_to_go_on(class_of_30: Course):
    process = start(class_of_30)
    while not list((class_of_30.root / "autograded").glob("student*")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "nbjudge: stopped; run the same command again to continue." in said
    assert "Traceback" not in said
