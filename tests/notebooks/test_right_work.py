"""Right work is never stopped: whichever way it was written, and in whatever order cells run."""

import random
from collections import defaultdict
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import names_of_cells
import problem_set
import pytest
from nbformat import NotebookNode

from nbjudge.core.course import find_course

COURSE = find_course(Path(__file__).parents[2])
NAMES = [name for name in COURSE.assignments if COURSE.alternates(name).is_dir()]


STAND_INS = {"merges", "vocab"}  # of problem set 6: bound again only where they are missing


def rounds(name: str) -> list[dict[str, Path]]:
    """Right answers to run together: the first of each exercise, then the second, and so on."""
    of_each: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(COURSE.alternates(name).glob("*/*.py")):
        of_each[path.parent.name].append(path)
    together = zip_longest(*of_each.values())
    return [{path.parent.name: path for path in paths if path} for paths in together]


def stopped_cells(notebook: NotebookNode, answers: Mapping[str, Path]) -> dict[str, str]:
    """Which given cells and checks end in an error, and in which one."""
    written = {exercise: path.read_text() for exercise, path in answers.items()}
    cells = problem_set.cells_without_training(notebook)
    found = {}
    with problem_set.quiet() as names:
        for cell in cells:
            try:
                exec(compile(written.get(cell.id, cell.source), cell.id, "exec"), names)
            except Exception as error:
                found[cell.id] = f"{type(error).__name__}: {error}"
    return found


def stopped(name: str, answers: dict[str, Path]) -> list[str]:
    """The right answers that stop a cell, each with what it stops.

    One of several may rely on the insides of another one of the instructors', and one may need
    another way in the exercise that it stops: then it is tried with the alternates of that one.
    """
    notebook = problem_set.read(name)
    found = stopped_cells(notebook, answers)
    if found and len(answers) > 1:
        paths = list(answers.items())
        half = len(paths) // 2
        return stopped(name, dict(paths[:half])) + stopped(name, dict(paths[half:]))
    others = [
        other
        for cell in found
        for other in COURSE.alternates(name).glob(f"{cell.removesuffix('_check')}/*.py")
    ]
    if all(stopped_cells(notebook, {**answers, other.parent.name: other}) for other in others):
        return [f"{answers}: {cell}: {error}" for cell, error in found.items()]
    return []


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_stops_at_a_right_answer(name: str) -> None:
    assert not [line for answers in rounds(name) for line in stopped(name, answers)]


@pytest.mark.parametrize("name", NAMES)
def test_cells_can_run_again_in_any_order(name: str) -> None:
    notebook = problem_set.read(name)
    cells = problem_set.cells_without_training(notebook)
    with problem_set.quiet() as names:
        for cell in cells:
            exec(compile(cell.source, cell.id, "exec"), names)
        for seed in (1, 2):
            for cell in random.Random(seed).sample(cells, len(cells)):
                exec(compile(cell.source, cell.id, "exec"), names)


@pytest.mark.parametrize("name", COURSE.assignments)
def test_a_name_that_others_read_belongs_to_one_cell(name: str) -> None:
    """So whoever runs a cell again, a check above all, changes nothing for the others."""
    cells = [cell for cell in problem_set.read(name).cells if cell.cell_type == "code"]
    bound, read = defaultdict(list), set()
    for cell in cells:
        source = cell.source.partition("### BEGIN KEY")[0]
        read |= names_of_cells.read(source)
        for found in names_of_cells.bound(source):
            if not found.startswith("hidden_"):
                bound[found].append(cell.id)
    bound = {found: where for found, where in bound.items() if found not in STAND_INS}
    assert not {found: where for found, where in bound.items() if found in read and where[1:]}
