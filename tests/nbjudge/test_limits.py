"""Limits: read from course.toml, documented, and enforced wherever they could be crossed."""

import dataclasses
import json
import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from small_course import NAME, ROOT, write_course

from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.limits import SETTINGS, Limits
from nbjudge.judge import intake
from nbjudge.judge.intake import Unreadable
from nbjudge.sandbox import bubblewrap
from nbjudge.sandbox.engine import Task, run
from nbjudge.sandbox.isolation import Isolation

ASSIGNMENT = "[[assignment]]\nname = 'a'\ntitle = 'A'\npackages = []\n"


def limits_of(folder, text):
    (folder / "course.toml").write_text(ASSIGNMENT + text)
    return find_course(folder).assignment("a").limits


def test_what_is_not_set_is_the_default(tmp_path):
    assert limits_of(tmp_path, "") == Limits()
    found = limits_of(tmp_path, "[assignment.limits]\nmemory_gb = 8\nprocesses = 50")
    assert found == dataclasses.replace(Limits(), memory_gb=8.0, processes=50)


def test_each_assignment_has_its_own(tmp_path):
    text = f"limits.cell_seconds = 5\n\n{ASSIGNMENT}".replace("'a'", "'b'")
    assert limits_of(tmp_path, text) == Limits(cell_seconds=5)
    assert find_course(tmp_path).assignment("b").limits == Limits()


def test_the_seconds_of_a_notebook_follow_from_those_of_a_cell_unless_they_are_set(tmp_path):
    assert limits_of(tmp_path, "limits.cell_seconds = 5").notebook_seconds == 50
    text = "limits.cell_seconds = 5\nlimits.notebook_seconds = 7"
    assert limits_of(tmp_path, text).notebook_seconds == 7
    assert limits_of(tmp_path, text).wall_seconds == 4 * 7 + 60
    assert limits_of(tmp_path, f"{text}\nlimits.wall_seconds = 9").wall_seconds == 9


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("limits.memory_gb = 0", "memory_gb must be a number from 0.5 to 1,024, not 0."),
        ("limits.memory_gb = 'x'", "memory_gb must be a number from 0.5 to 1,024, not 'x'."),
        ("limits.memory_gb = nan", "memory_gb must be a number from 0.5 to 1,024, not nan."),
        ("limits.cells = 1.5", "cells must be a whole number from 10 to 100,000, not 1.5."),
        ("limits.cells = true", "cells must be a whole number from 10 to 100,000, not True."),
        ("limits.memory = 4", "the unknown setting 'memory'; did you mean 'memory_gb'?"),
        ("limits.x = 4", f"the unknown setting 'x'; there are {', '.join(SETTINGS)}."),
        ("limits = 4", "must be a table of settings, not 4."),
    ],
)
def test_a_setting_that_is_off_is_a_sentence(tmp_path, text, sentence):
    with pytest.raises(CourseError) as refused:
        limits_of(tmp_path, text)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / 'course.toml'}:5: [assignment.limits] of a: ")
    assert said.endswith(sentence)


def test_a_limit_among_the_assignments_own_settings_is_sent_to_its_table(tmp_path):
    sentence = r"unknown setting 'cell_seconds'; it belongs in \[assignment.limits\]\."
    with pytest.raises(CourseError, match=sentence):
        limits_of(tmp_path, "cell_seconds = 5")


def test_the_page_for_instructors_lists_every_limit_with_its_default_and_range():
    page = (ROOT / "docs" / "instructor.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .+ \| ([^|]+) \| (.+) to (.+) \|$", page, re.M)
    shown = [tuple(cell.strip().replace(",", "") for cell in row) for row in rows]
    defaults = dataclasses.asdict(Limits()) | {
        "notebook_seconds": "ten times `cell_seconds`",
        "wall_seconds": "four times `notebook_seconds` and 60",
    }
    assert shown == [
        (name, f"{default:g}" if isinstance(default, float) else str(default),
         *map(str, SETTINGS[name].__metadata__))
        for name, default in defaults.items()
    ]  # fmt: skip


# ---- of a submission as it is read


def test_a_file_may_be_only_so_large(tmp_path):
    path = tmp_path / "big.ipynb"
    path.write_bytes(b" " * 1_000_001)
    assert intake.read_submission(path, Limits())
    with pytest.raises(Unreadable, match="big.ipynb is larger than 1 MB"):
        intake.read_submission(path, Limits(submission_mb=1))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(cells=2), "the notebook has more than 2 cells"),
        (Limits(code_characters=1500), "the notebook has more than 1,500 characters of code"),
    ],
)
def test_a_notebook_may_hold_only_so_much(limits, reason):
    cells = [{"cell_type": "code", "source": ["x" * 1000]} for _ in range(2)]
    cells.append({"cell_type": "markdown", "source": "x" * 5000})  # no code
    text = json.dumps({"cells": cells})
    assert len(intake.parse_submission(text, NAME, Limits())) == 3
    with pytest.raises(Unreadable, match=reason):
        intake.parse_submission(text, NAME, limits)


# ---- of a submission as it runs


needs_sandbox = pytest.mark.skipif(
    bubblewrap.why_not() is not None, reason=str(bubblewrap.why_not())
)


def ran(source, **limits):
    """What a notebook of one cell showed."""
    known = {"grade": True, "grade_id": "cell", "points": 1}
    cell = new_code_cell(source, id="cell", metadata={"nbgrader": known})
    return run(Task(json.dumps(new_notebook(cells=[cell])), Limits(**limits)), Isolation())


def seen(source, **limits):
    done = ran(source, **limits)
    return str(json.loads(done.notebook)["cells"][0]["outputs"]) + done.stopped.get("cell", "")


@pytest.mark.kernel
@needs_sandbox
@pytest.mark.parametrize(
    ("limits", "source", "sentence"),
    [
        ({"memory_gb": 0.5}, "held = bytes(600 << 20)", "MemoryError"),
        ({"memory_gb": 0.5}, "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
         "        held = b'x' * (200 << 20); time.sleep(100)\ntime.sleep(100)",
         "used more than 0.5 GB of memory and was stopped"),
        ({"processes": 20}, "import os, time\nfor _ in range(30):\n"
         "    if os.fork() == 0: time.sleep(100)\ntime.sleep(100)",
         r"started more than 20 processes|BlockingIOError"),
        ({"open_files": 64}, "held = [open('/dev/null') for _ in range(64)]", "Too many open"),
        ({"file_mb": 1}, "open('big', 'wb').write(bytes(2 << 20))", "File too large|No space left"),
        ({"file_mb": 1}, "for n in range(3): open(f'{n}', 'wb').write(bytes(500_000))",
         "No space left"),
        ({"output_mb": 1}, "while True: print('x' * 100_000)", "printed more than 1 MB"),
        ({"cell_seconds": 1}, "while True: pass", "took longer than 1 seconds and was stopped"),
        ({"notebook_seconds": 1}, "while True: pass", "when the notebook had taken 1 seconds"),
        ({"wall_seconds": 1}, "while True: pass", "had taken 1 seconds by the clock, and was"),
        ({"memory_gb": 0.5}, "import os, socket, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
         "        held = [socket.socketpair() for _ in range(400)]; time.sleep(100)\n"
         "time.sleep(100)", "used more than 0.5 GB of memory and was stopped"),
    ],
)  # fmt: skip
def test_what_runs_is_held_to_the_limits_of_its_task(limits, source, sentence):
    assert re.search(sentence, seen(source, **limits))


@pytest.mark.kernel
def test_only_so_much_of_an_output_is_kept():
    source = "for n in range(30):\n    print('Q' * 200, flush=True)"
    assert seen(source).count("Q") == 6000
    assert seen(source, output_characters=3000).count("Q") < 3000


@pytest.mark.kernel
def test_only_so_many_observations_are_kept():
    source = "from nbjudge import observe\nfor n in range(30): observe(str(n), lambda: n)"
    assert len(ran(source).evidence["cell"]) == 30
    assert len(ran(source, observations=20).evidence["cell"]) == 20


def test_a_course_hands_its_limits_down(tmp_path):
    from nbjudge.authoring.runs import student_task

    course = write_course(tmp_path)
    text = (course.root / "course.toml").read_text()
    (course.root / "course.toml").write_text(text + "limits.open_files = 99\n")
    assignment = find_course(course.root).assignment(NAME)
    task = student_task(assignment, new_notebook(), {})
    assert task.limits == Limits(cell_seconds=20, open_files=99)
