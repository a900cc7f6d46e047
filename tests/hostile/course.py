"""The course that the bank is handed in to: two exercises, a written task, and canaries.

A canary is a random word.  It is planted where no submission may look, and must not turn up
anywhere else.
"""

import re
import secrets
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from small_course import NAME, code, text, write_course

from nbjudge.core.course import Course, find_course

CANARY = r"canary-[0-9a-f]{24}"
"""What every canary looks like; thieves search for it."""

MARKER = f"survivor-{secrets.token_hex(8)}"
"""Part of the name of every file and process that an entry leaves behind, new in each session."""

SYSV_KEY = 0x5EED0000 + secrets.randbelow(0xFFFF)
"""The key of the System V memory and semaphores that entries leave behind."""

PLACES = tuple(
    "/etc /etc/cron.d /etc/profile.d /usr/bin /usr/local/bin /usr/lib /root /home /opt /srv /var "
    "/var/spool/cron /boot /tmp /var/tmp /dev/shm /dev/mqueue /run /".split()
)
"""Folders of this machine in which entries leave something."""

TOUCHED = ("/etc/passwd", "/etc/hosts", "/etc/profile", "/etc/crontab", "/usr/bin/env")
"""Files of this machine whose time entries set to now."""

CELL_SECONDS = 3

FULL = {"scaled_test": 4.0, "running_mean_test": 4.0}
"""The points of each grade cell."""

HIDDEN_NUMBERS = ("71693", "48317", "90127", "60413", "35821", "84977")
"""How the inputs of the hidden tests begin, which no feedback page may show."""


def canary() -> str:
    """A new word to plant."""
    return f"canary-{secrets.token_hex(12)}"


IN_SOLUTION = canary()
IN_KEY_REGION = canary()
IN_MISTAKES = canary()
IN_GRADEBOOK = canary()
IN_SUBMISSION = canary()  # another student's
IN_FILE = canary()  # beside another student's notebook
IN_HOME = canary()
IN_ENVIRONMENT = canary()
IN_HIDDEN_TEST = canary()
IN_MARK_SCHEME = canary()

SECRET = {
    "the solution": IN_SOLUTION,
    "the KEY region": IN_KEY_REGION,
    "the mistakes file": IN_MISTAKES,
    "the gradebook": IN_GRADEBOOK,
    "another student's submission": IN_SUBMISSION,
    "another student's file": IN_FILE,
    "the grader's home": IN_HOME,
    "the grader's environment": IN_ENVIRONMENT,
}
"""Where a canary is planted that no graded notebook, page or printed line may hold."""

HIDDEN = {"a hidden test": IN_HIDDEN_TEST, "a mark scheme": IN_MARK_SCHEME}
"""Where one is planted that graders see in the graded notebook, and pages may not show."""

COURSE = f"""
title = "A course under attack"

[[assignment]]
name = "{NAME}"
title = "Hostile"
packages = ["numpy", "matplotlib", "ipywidgets", "lmlib"]
files = ["data.csv"]
limits.cell_seconds = {CELL_SECONDS}
"""

SCALED = f'''def scaled(values, factor):
    """values (n,) times factor."""
    ### BEGIN SOLUTION
    # {IN_SOLUTION}
    return values * factor
    ### END SOLUTION'''

SCALED_TEST = f"""### BEGIN HIDDEN TESTS
# {IN_HIDDEN_TEST}
from nbjudge import observe as hidden_observe
hidden_values = np.array([71693.25, 48317.5, 90127.75])
hidden_drawn = np.random.default_rng(29).normal(size=3)
hidden_observe("three values tripled", scaled, hidden_values, 3.0)
hidden_observe("drawn values doubled", scaled, hidden_drawn, 2.0)
hidden_observe("three values turned round", scaled, hidden_values, -1.5)
hidden_observe("one value halved", scaled, hidden_values[:1], 0.5)
### END HIDDEN TESTS
### BEGIN KEY
# {IN_KEY_REGION}
from nbjudge.kernel.expect import close, expect
expect("three values tripled", close(rtol=1e-4))
expect("drawn values doubled", close(rtol=1e-4))
expect("three values turned round", close(rtol=1e-4), oracle=hidden_values * -1.5)
expect("one value halved", close(rtol=1e-4))
### END KEY"""

MEAN = '''def running_mean(values):
    """The mean of values[:1], of values[:2], and so on: (n,)."""
    ### BEGIN SOLUTION
    return np.cumsum(values) / np.arange(1, len(values) + 1)
    ### END SOLUTION'''

MEAN_TEST = """### BEGIN HIDDEN TESTS
from nbjudge import observe as hidden_observe
hidden_series = np.array([60413.5, 35821.25, 84977.75, 1.5])
hidden_observe("four values", running_mean, hidden_series)
hidden_observe("four values, backwards", running_mean, hidden_series[::-1])
hidden_observe("eight values", running_mean, np.concatenate([hidden_series, hidden_series]))
### END HIDDEN TESTS
### BEGIN KEY
from nbjudge.kernel.expect import close, expect
expect("four values", close(rtol=1e-4))
expect("four values, backwards", close(rtol=1e-4))
expect("eight values", close(rtol=1e-4))
### END KEY"""

TASK = f"""Why is the mean of the means not the mean?

### BEGIN MARK SCHEME
One point for a reason. {IN_MARK_SCHEME}
### END MARK SCHEME"""

MISTAKES = f"""
[[mistake]]
id = "added"
cell = "scaled"
find = "values * factor"
replace = "values + factor"
breaks = ["scaled_test"]
says = "The factor was added. {IN_MISTAKES}"

[[mistake]]
id = "sums"
cell = "running_mean"
find = " / np.arange(1, len(values) + 1)"
replace = ""
breaks = ["running_mean_test"]
says = "These are the sums. {IN_MISTAKES}"
"""


def source_notebook() -> NotebookNode:
    """The instructor's notebook."""
    return new_notebook(
        cells=[
            new_markdown_cell("# Hostile", id="title"),
            code("imports", "import numpy as np"),
            code("scaled", SCALED, solution=True, locked=False),
            code("scaled_check", "print(scaled(np.ones(2), 2.0))", grade=True, points=0),
            code("scaled_test", SCALED_TEST, grade=True, points=FULL["scaled_test"]),
            code("running_mean", MEAN, solution=True, locked=False),
            code("running_mean_check", "print(running_mean(np.ones(2)))", grade=True, points=0),
            code("running_mean_test", MEAN_TEST, grade=True, points=FULL["running_mean_test"]),
            text("task", TASK, task=True, points=1),
            new_markdown_cell("YOUR ANSWER HERE", id="answer_task"),
        ],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}},
    )


def write_hostile_course(folder: Path) -> Course:
    """The course in `folder`, not built yet."""
    write_course(folder, source_notebook(), MISTAKES)
    (folder / "course.toml").write_text(COURSE)
    return find_course(folder)


def plant_in_gradebook(course: Course, student: str) -> None:
    """Enter `student` with a canary for a name."""
    with Gradebook(course.gradebook_url) as gradebook:
        gradebook.add_student(student, first_name=IN_GRADEBOOK)


def plant_in_home(folder: Path) -> Path:
    """A home for the grader, with a canary for a private key."""
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh" / "id_ed25519").write_text(IN_HOME)
    return folder


def canaries_in(data: str) -> list[str]:
    """Every canary in `data`."""
    return re.findall(CANARY, data)
