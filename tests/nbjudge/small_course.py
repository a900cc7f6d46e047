"""A course of one tiny assignment, so that a test can build and grade it in seconds."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nbjudge.core.course import Course, find_course
from nbjudge.core.notebooks import notebook_text, read_notebook
from nbjudge.sandbox import bubblewrap

ROOT = Path(__file__).parents[2]
NAME = "tiny"

SANDBOX = "none" if bubblewrap.why_not() else "auto"
"""For commands that a test starts in a process of their own."""

COURSE = """
title = "A tiny course"
library = "lmlib"

[[assignment]]
name = "tiny"
title = "Tiny"
packages = ["numpy"]
limits.cell_seconds = 20
"""

SOLUTION = '''def scaled(values, factor):
    """values (n,) times factor."""
    ### BEGIN SOLUTION
    return values * factor
    ### END SOLUTION'''

TEST = """### BEGIN HIDDEN TESTS
from nbjudge import observe
values = np.random.default_rng(3).normal(size=5)
observe("five values tripled", scaled, values, 3.0)
observe("one value halved", scaled, values[:1], 0.5)
### END HIDDEN TESTS
### BEGIN KEY
from nbjudge.kernel.expect import close, expect
expect("five values tripled", close(rtol=1e-4))
expect("one value halved", close(rtol=1e-4), oracle=values[:1] * 0.5)
### END KEY"""

SHIFTED = '''def shifted(values, by):
    """values (n,) plus by."""
    ### BEGIN SOLUTION
    return values + by
    ### END SOLUTION'''

SHIFTED_TEST = """### BEGIN HIDDEN TESTS
from nbjudge import observe
observe("five values shifted", shifted, values, 3.0)
observe("one value shifted", shifted, values[:1], 0.5)
### END HIDDEN TESTS
### BEGIN KEY
from nbjudge.kernel.expect import close, expect
expect("five values shifted", close(rtol=1e-4))
expect("one value shifted", close(rtol=1e-4), oracle=values[:1] + 0.5)
### END KEY"""

TASK = """Why is the sum not the product?

### BEGIN MARK SCHEME
One point for a reason.
### END MARK SCHEME"""

MISTAKES = """
[[mistake]]
id = "added"
cell = "scaled"
find = "values * factor"
replace = "values + factor"
breaks = ["scaled_test"]
says = "The factor was added to the values, not multiplied with them."

[[mistake]]
id = "in_place"
cell = "scaled"
find = "return values * factor"
replace = "values *= factor\\n    return values"
breaks = ["scaled_test"]
says = "The values that were handed in came back changed."
credit = 0.5
"""


def metadata(grade_id: str, **settings: object) -> dict[str, object]:
    """nbgrader's metadata of a cell; locked unless `settings` say otherwise."""
    plain = {"grade": False, "locked": True, "solution": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**plain, "grade_id": grade_id, **settings}}


def code(name: str, source: str, **settings: object) -> NotebookNode:
    return new_code_cell(source, id=name, metadata=metadata(name, **settings))


def text(name: str, source: str, **settings: object) -> NotebookNode:
    return new_markdown_cell(source, id=name, metadata=metadata(name, **settings))


def tiny_notebook() -> NotebookNode:
    """The source notebook: a given cell, an exercise with check and test, a written task."""
    return new_notebook(
        cells=[
            new_markdown_cell("# Tiny", id="title"),
            code("imports", "import numpy as np"),
            code("scaled", SOLUTION, solution=True, locked=False),
            code("scaled_check", "print(scaled(np.ones(2), 2.0))", grade=True, points=0),
            code("scaled_test", TEST, grade=True, points=4),
            text("task", TASK, task=True, points=1),
            new_markdown_cell("YOUR ANSWER HERE", id="answer_task"),
        ],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}},
    )


def two_exercises(points: float = 0, extra_credit: float | None = None) -> NotebookNode:
    """The tiny notebook with a second exercise, of some points or for extra credit."""
    notebook = tiny_notebook()
    test = code("shifted_test", SHIFTED_TEST, grade=True, points=points)
    if extra_credit is not None:
        test.metadata["nbjudge"] = {"extra_credit": extra_credit}
    notebook.cells[5:5] = [code("shifted", SHIFTED, solution=True, locked=False), test]
    return notebook


def write_course(
    folder: Path, notebook: NotebookNode | None = None, mistakes: str = MISTAKES
) -> Course:
    """The tiny course in `folder`, with another source notebook or other mistakes if given."""
    (folder / "source" / NAME).mkdir(parents=True, exist_ok=True)
    (folder / "mistakes").mkdir(exist_ok=True)
    (folder / "course.toml").write_text(COURSE)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    path = folder / "source" / NAME / f"{NAME}.ipynb"
    path.write_text(notebook_text(notebook or tiny_notebook()))
    (folder / "mistakes" / f"{NAME}.toml").write_text(mistakes)
    return find_course(folder)


def cell_named(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def answered(course: Course, **answers: str) -> NotebookNode:
    """The released notebook with `answers` (grade_id → source) in it."""
    notebook = read_notebook(course.release(NAME))
    for name, source in answers.items():
        cell_named(notebook, name).source = source
    return notebook


def hand_in(course: Course, student: str, notebook: NotebookNode | str | bytes) -> Path:
    """Put a submission where the course collects them; the file's path."""
    path = course.submitted(student, NAME) / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, NotebookNode):
        notebook = nbformat.writes(notebook)
    path.write_bytes(notebook.encode() if isinstance(notebook, str) else notebook)
    return path


def quiet(what: str, done: int, total: int) -> None:
    """Progress for a test that does not look at it."""


def at_once(*works: Callable[[], object]) -> None:
    """Run all of `works` at once; what one of them raised is raised here."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
