"""Work that is missing or wrong gets one sentence, which says what is missing or what came."""

import re
from collections.abc import Collection

import nbformat
import problem_set
import pytest
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from lmlib import checks, refusals
from nbjudge.core.notebooks import is_solution

NAMES = [
    "ps1_rnn_sampling",
    "ps2_numpy_transformer",
    "ps3_architectures",
    "ps4_bigram_to_transformer",
    "ps5_attention_backward",
    "ps6_tiny_transformer",
]
ODD = ("None", "0.5", "[]", "'abc'", "(1, 2)")


def exercises(notebook: NotebookNode) -> list[str]:
    """The solution cells of a notebook."""
    return [cell.id for cell in notebook.cells if is_solution(cell)]


@pytest.mark.parametrize("name", NAMES)
def test_a_check_says_in_a_sentence_what_came(name: str) -> None:
    notebook = problem_set.read(name)
    names = problem_set.names_without_training(notebook)
    sources = {cell.id: cell.source for cell in notebook.cells}
    for exercise in exercises(notebook):
        signature = re.search(rf"^def {exercise}\(.*?\)", sources[exercise], re.M | re.S)
        if signature and f"{exercise}_check" in sources:
            for odd in ODD:
                answer = f"{signature[0]}:\n    return {odd}"
                said = problem_set.said_below(notebook, names, exercise, answer)
                assert not re.match(r"\w+Error", said), (exercise, odd, said)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_unsolved_exercise_stops_is_told_in_a_sentence(name: str) -> None:
    notebook = problem_set.read(name)
    everything = exercises(notebook)
    for unsolved in ([exercise] for exercise in everything):
        told = told_without(notebook, unsolved)
        assert all(told.values()), (unsolved, told)


def stub(cell: NotebookNode) -> str:
    """What a student finds in a solution cell."""
    resources = {"language": "python"}
    return str(ClearSolutions().preprocess_cell(nbformat.from_dict(cell), resources, 0)[0].source)


def told_without(notebook: NotebookNode, unsolved: Collection[str]) -> dict[str, str]:
    """What each cell says that stops if some exercises are unsolved; nothing after a traceback."""
    told = {}
    with problem_set.quiet() as names:
        names["In"] = [""]
        for cell in problem_set.cells_without_training(notebook):
            source = stub(cell) if cell.id in unsolved else cell.source
            names["In"].append(source)
            try:
                exec(compile(source, cell.id, "exec"), names)
            except checks.NotSolvedYet as error:
                told[cell.id] = str(error)
            except Exception as error:
                told[cell.id] = refusals.needed(error, names)
    return told


def test_each_part_of_problem_set_6_can_be_begun_without_the_one_before() -> None:
    notebook = problem_set.read("ps6_tiny_transformer")
    everything = exercises(notebook)
    starts = ["make_windows", "RMSNorm", "evaluate", "plot_losses"]
    for start in starts:
        before = set(everything[: everything.index(start)]) - {"PositionalEmbedding"}  # in a model
        told = told_without(notebook, before)
        ids = [cell.id for cell in notebook.cells]
        later = [cell for cell in told if ids.index(cell) > ids.index(start)]
        assert not later, (start, {cell: told[cell] for cell in later})
