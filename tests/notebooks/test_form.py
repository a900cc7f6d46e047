"""What all problem sets have in common: how a notebook opens, asks, checks and ends."""

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from nbjudge.core.course import find_course
from nbjudge.core.notebooks import is_solution, read_notebook, without_region

COURSE = find_course(Path(__file__).parents[2])
NOTEBOOKS = {name: read_notebook(COURSE.source(name)) for name in COURSE.assignments}


@pytest.fixture(params=NOTEBOOKS)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    return NOTEBOOKS[request.param]


def nbgrader(cell: NotebookNode) -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


EXERCISES = [
    pytest.param(notebook, place, id=cell.id)
    for notebook in NOTEBOOKS.values()
    for place, cell in enumerate(notebook.cells)
    if is_solution(cell)
]


def test_every_set_of_the_course_has_its_folder() -> None:
    folders = {path.parent.name for path in (COURSE.root / "source").glob("*/*.ipynb")}
    assert folders == set(NOTEBOOKS)


def test_it_opens_with_what_one_will_be_able_to_do(notebook: NotebookNode) -> None:
    first, second = notebook.cells[:2]
    for words in ("At the end you can", "**Time**", "**Needs**", "**Computer**"):
        assert words in first.source
    assert second.id == "setup"


def test_the_table_at_the_top_lists_the_points(notebook: NotebookNode) -> None:
    points = [nbgrader(cell)["points"] for cell in notebook.cells if nbgrader(cell).get("points")]
    table = re.findall(r"^\| \S+ \|.*\| ([\d.]+) \| [●○]{3} \|$", notebook.cells[0].source, re.M)
    assert [float(number) for number in table] == points


@pytest.mark.parametrize(("notebook", "place"), EXERCISES)
def test_an_exercise_has_a_difficulty_a_hint_a_signature_and_a_check(
    notebook: NotebookNode, place: int
) -> None:
    exercise, text = notebook.cells[place], notebook.cells[place - 1].source
    assert "<details><summary>Hint" in text
    head = exercise.source.partition("### BEGIN SOLUTION")[0]
    signature = re.search(rf"def {exercise.id}\((.*?)\)[^\n]*:\n", head, re.S)
    if signature:
        names = [part.split("=")[0].split(":")[0].strip() for part in signature[1].split(",")]
        for name in filter(None, names):
            assert re.search(rf"^    .*\b{name}\b", head[signature.end() :], re.M), name
    if "No points" in text:  # a bonus
        return
    assert re.search(r"[●○]{3}", text)
    check = next(cell for cell in notebook.cells[place + 1 :] if cell.cell_type == "code")
    assert check.id == f"{exercise.id}_check"
    assert re.search(rf"checks\.call\({exercise.id}[,)]", check.source)


def test_cells_are_short_and_known_to_nbgrader(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell.id)
        if cell.cell_type == "code":
            assert nbgrader(cell)["grade_id"] == cell.id
            assert cell.outputs == [] and cell.execution_count is None
            if not (nbgrader(cell)["solution"] or cell.id.endswith("_test")):
                most = 45 if cell.id.endswith("_check") else 34
                assert len(cell.source.splitlines()) <= most, cell.id


def test_hidden_names_are_kept_apart_from_students_names(notebook: NotebookNode) -> None:
    """A hidden region runs among the student's names and must not replace one of them."""
    for cell in notebook.cells:
        hidden = cell.source.partition("### BEGIN HIDDEN TESTS")[2].partition("### END HIDDEN")[0]
        made = re.findall(r"^(?:def |class |for )?(\w+)(?= = |\(.*\):$| in )", hidden, re.M)
        made += re.findall(r"^(?:from|import) .*?(\w+)$", hidden, re.M)
        assert all(name.startswith("hidden_") for name in made), (cell.id, made)


def test_no_cell_makes_later_draws_the_same_for_everybody(notebook: NotebookNode) -> None:
    """A seeded global generator would, and figures over several runs would agree by themselves."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            seeds = re.search(r"\b(torch\.manual_seed|random\.seed)\(", cell.source)
            assert not seeds, cell.id


def test_the_last_cell_checks_what_is_imported(notebook: NotebookNode) -> None:
    [name] = [name for name, known in NOTEBOOKS.items() if known is notebook]
    found = re.fullmatch(r"checks\.only_packages\((.*)\)", notebook.cells[-1].source)
    assert found
    assert set(ast.literal_eval(f"[{found[1]}]")) == set(COURSE.assignment(name).packages)
    assert "earns nothing" in " ".join(notebook.cells[-2].source.split())


def test_it_is_what_jupyter_can_read(notebook: NotebookNode) -> None:
    nbformat.validate(notebook)


def test_no_note_to_a_formatter_is_in_what_students_read(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        visible = without_region(without_region(cell.source, "HIDDEN TESTS"), "KEY")
        assert "# fmt:" not in without_region(visible, "SOLUTION"), cell.id


def test_what_trains_is_kept_on_disk(notebook: NotebookNode) -> None:
    """A second run of the notebook must not train for minutes again."""
    trains = re.compile(
        r"(?<!def )\b(train_language_model|train_multilayer_rnn|training\.train|fit)\("
    )
    for cell in notebook.cells:
        given = not (is_solution(cell) or cell.id.endswith(("_test", "_check")))
        if cell.cell_type == "code" and given and trains.search(cell.source):
            assert "trained.once(" in cell.source, cell.id
