"""An nbgrader course with asserts of its own, as somebody who has never heard of nbjudge has it."""

import os
import sqlite3
import sys
import warnings
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.tests import run_nbgrader
from small_course import metadata

PYTHON = {"name": "python3", "language": "python", "display_name": "Python 3"}
NAME = "hw"


def cell(name: str, source: str, **settings: object) -> NotebookNode:
    """A cell that nbgrader knows; its id is of no use to anybody."""
    return new_code_cell(source, metadata=metadata(name, **settings))


def solution(name: str, source: str) -> NotebookNode:
    return cell(name, source, solution=True, locked=False)


def test(name: str, source: str, points: float = 2) -> NotebookNode:
    return cell(name, source, grade=True, points=points)


def notebook() -> NotebookNode:
    """Every kind of cell: asserts seen and hidden, partial credit, manual answers, a task."""
    return new_notebook(
        metadata={"kernelspec": PYTHON},
        cells=[
            new_markdown_cell("# Homework"),
            new_code_cell("import csv\nimport warnings\nimport helper\nrows = 3"),
            solution(
                "square",
                "def square(x):\n    ### BEGIN SOLUTION\n    return x ** 2\n    ### END SOLUTION",
            ),
            test("square_seen", "assert square(3) == 9"),
            test(
                "square_hidden",
                "assert callable(square)\n### BEGIN HIDDEN TESTS\n"
                "assert square(-31337) == 31337 ** 2, 'not for -31337'\n"
                "### END HIDDEN TESTS",
            ),
            test("square_partial", "sum(square(i) == i * i for i in range(3)) / 3 * 2"),
            test("square_warns", "warnings.warn('odd')\nassert square(1) == 1"),
            test(
                "data",
                "with open('data/x.csv') as file:\n"
                "    assert len(list(csv.reader(file))) == rows == helper.three()",
            ),
            cell("essay", "# YOUR CODE HERE", solution=True, grade=True, locked=False, points=3),
            new_markdown_cell(
                "Why?\n\n=== BEGIN MARK SCHEME ===\nx\n=== END MARK SCHEME ===",
                metadata=metadata("why", task=True, points=4),
            ),
        ],
    )


def write(folder: Path, source: NotebookNode | None = None, name: str = NAME) -> Path:
    """A course in `folder`: a notebook, a helper module, and a file that it reads."""
    place = folder / "source" / name
    (place / "data").mkdir(parents=True)
    (place / f"{name}.ipynb").write_text(nbformat.writes(source or notebook()))
    (place / "helper.py").write_text("def three():\n    return 3\n")
    (place / "data" / "x.csv").write_text("1\n2\n3\n")
    config = "c = get_config()\nc.CourseDirectory.course_id = 'stock'\n"
    (folder / "nbgrader_config.py").write_text(config)
    return folder


def released(folder: Path, name: str = NAME) -> NotebookNode:
    return nbformat.read(folder / "release" / name / f"{name}.ipynb", as_version=4)


def answered(folder: Path, **answers: str) -> NotebookNode:
    """The released notebook with some sources changed, by grade_id."""
    made = released(folder)
    for one in made.cells:
        one.source = answers.get(one.metadata.get("nbgrader", {}).get("grade_id", ""), one.source)
    return made


def hand_in(folder: Path, student: str, made: NotebookNode, **files: str) -> None:
    place = folder / "submitted" / student / NAME
    place.mkdir(parents=True)
    (place / f"{NAME}.ipynb").write_text(nbformat.writes(made))
    for name, text in files.items():
        (place / name.replace("_dot_", ".")).write_text(text)


def stock(*words: str) -> None:
    """Run one of nbgrader's own commands in the current folder."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as environment:
        warnings.simplefilter("ignore")
        programs = Path(sys.executable).parent  # alembic among them, which makes a gradebook
        environment.setenv("PATH", str(programs), prepend=os.pathsep)
        run_nbgrader(list(words))


Row = tuple[float | None, int]


def rows(folder: Path) -> dict[tuple[str, str], Row]:
    """The automatic score of each student's cell, and whether it waits for a person."""
    query = """
        SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score,
               grade.needs_manual_grade
        FROM grade
        JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        JOIN base_cell ON base_cell.id = grade.cell_id"""
    with sqlite3.connect(folder / "gradebook.db") as connection:
        found = connection.execute(query).fetchall()
    return {(student, name): (score, waits) for student, name, score, waits in found}
