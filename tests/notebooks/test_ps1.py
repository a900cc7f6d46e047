"""The first problem set's notebook: it runs, its numbers hold, and it gives no answer away."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import observing
import problem_set
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from lmlib import checks
from nbjudge.core.notebooks import is_test

ROOT = Path(__file__).parents[2]
NAME = "ps1_rnn_sampling"
NOTEBOOK = ROOT / "source" / NAME / f"{NAME}.ipynb"
MISTAKES = {mistake["id"]: mistake for mistake in problem_set.mistakes(NAME)}
Observed = tuple[dict[str, Any], dict[tuple[str, str], tuple[Any, ...]]]
"""The names of a run, and the arguments of each observation by its cell and its name."""

GIVEN = ["text-load", "vocabulary", "weights", "helpers", "gru-weights", "gru_matrices"]
EXERCISES = [
    "rnn_step",
    "sample_text_RNN",
    "gru_step",
    "sample_text_GRU",
    "get_perplex_rnn",
    "get_perplex_gru",
]


@pytest.fixture(scope="module")
def notebook() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook after a run of all its cells, which stops at the first error."""
    folder = tmp_path_factory.mktemp("ps1")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LMLIB_PROFILE", "smoke")
        environment.setenv("MPLCONFIGDIR", str(folder))
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        resources = {"metadata": {"path": str(folder)}}
        return NotebookClient(notebook, timeout=120, resources=resources).execute()


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def nbgrader(cell: NotebookNode) -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


def given_code(notebook: NotebookNode) -> list[NotebookNode]:
    """Code that students see: neither solutions nor grade cells."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        cell for cell in code if not (nbgrader(cell)["solution"] or nbgrader(cell).get("points"))
    ]


# ---- it runs, and its numbers hold


def test_every_check_passes_with_the_instructors_solution(executed: NotebookNode) -> None:
    for name in [*EXERCISES, "packages"]:
        lines = printed(cell(executed, f"{name}_check")).splitlines()
        assert lines and all(line.startswith("✓") for line in lines)


def test_perplexities_are_those_the_problem_set_promises(executed: NotebookNode) -> None:
    text = printed(cell(executed, "compare"))
    figures = [float(re.search(r"\d+\.\d\d", line)[0]) for line in text.splitlines()]
    blind, bigram, rnn, gru = figures
    assert rnn <= 7.0 and gru <= 5.2
    assert gru < rnn < bigram < blind
    meaning = cell(executed, "meaning").source
    assert f"down from {blind:.0f} to about {rnn:.0f}" in meaning


def test_what_is_given_is_printed(executed: NotebookNode) -> None:
    text = printed(cell(executed, "text-load"))
    for what in ("training extract", "test extract", "vocabulary", "first 500 characters"):
        assert what in text
    assert "'é' at position 13" in printed(cell(executed, "unknown"))
    for name in ("count", "gru-weights"):
        *_, by_formula, in_arrays = re.findall(r"[\d,]{5,}", printed(cell(executed, name)))
        assert by_formula == in_arrays


def test_figures_have_labelled_axes(executed: NotebookNode) -> None:
    figures = [
        cell.id
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert figures == [
        "guess-one",
        "guess-four",
        "memory",
        "expect",
        "gate",
        "unit",
        "expect-gru",
        "prompt-length",
    ]
    for name in figures:  # lmlib labels its own; tests/lmlib looks at that
        source = cell(executed, name).source
        drawn_by_lmlib = "plots." in source or "widgets." in source
        assert drawn_by_lmlib or ("set_xlabel" in source and "set_ylabel" in source)


# ---- what the hidden tests rest on


@pytest.fixture(scope="module")
def observed() -> Observed:
    """The names after a run of solutions and hidden tests, and each observation's arguments."""
    import nbjudge

    arguments: dict[tuple[str, str], tuple[Any, ...]] = {}
    names: dict[str, Any] = {"__name__": "__main__"}
    tests: list[str] = []

    def record(name: str, function: Any, *given: Any) -> None:
        arguments[tests[-1], name] = given

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(nbjudge, "observe", record)
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
            if cell.cell_type == "code" and cell.id in {*GIVEN, *EXERCISES}:
                exec("import numpy as np\n" + cell.source, names)
            elif is_test(cell):
                tests.append(cell.id)
                exec(cell.source.partition("### BEGIN KEY")[0], names)
    return names, arguments


def shares_after_each_character(
    names: dict[str, Any], kind: str, weights: list[np.ndarray], text: str
) -> list[np.ndarray]:
    """The distributions (V,) after each character, by the instructor's own step."""
    states = [np.zeros(128), np.zeros(64)] if kind == "RNN" else [np.zeros(512)]
    states = [state.astype(weights[0].dtype) for state in states]
    found = []
    for index in names["char_to_indices"](text):
        *states, p = names[f"{kind.lower()}_step"](weights, *states, index)
        found.append(p)
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["RNN", "GRU"])
@pytest.mark.parametrize(
    "name",
    [
        "the text where chance has no say",
        "the same for the trained network, after another text",
        "the text when N is the length of the prompt",
    ],
)
def test_one_character_is_certain_all_along_the_text(
    observed: Observed, name: str, kind: str, dtype: str
) -> None:
    names, arguments = observed
    sample = names[f"sample_text_{kind}"]
    weights, *_, prompt, length = arguments[f"sample_text_{kind}_test", name]
    weights = [array.astype(dtype) for array in weights]
    for p in shares_after_each_character(names, kind, weights, sample(weights, prompt, length)):
        assert np.sum(np.sort(p)[:-1]) < 1e-9


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_the_visible_check_multiplies_by_enough(observed: Observed, kind: str) -> None:
    names, _ = observed
    arrays = names[kind.lower()].arrays
    weights = [*arrays[:-2], 10_000 * arrays[-2], 10_000 * arrays[-1]]
    for prompt in ("my lord", "a"):
        text = names[f"sample_text_{kind}"](weights, prompt, 30)
        for p in shares_after_each_character(names, kind, weights, text):
            assert np.sum(np.sort(p)[:-1]) < 1e-9


def test_hidden_inputs_are_not_those_of_the_checks(
    notebook: NotebookNode, observed: Observed
) -> None:
    seen = "\n".join(cell.source for cell in given_code(notebook))
    for given in observed[1].values():
        for text in (value for value in given if isinstance(value, str) and len(value) > 2):
            assert f'"{text}"' not in seen


@pytest.fixture(scope="module")
def names(notebook: NotebookNode) -> dict[str, Any]:
    """All names after the given cells, without any experiment."""
    found: dict[str, Any] = {"__name__": "__main__", "np": np, "checks": checks}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in GIVEN:
            exec(cell(notebook, name).source, found)
    return found


def answered(notebook: NotebookNode, names: dict[str, Any], **other: str) -> dict[str, Any]:
    """The names with the instructor's answers, or with others, given as whole cells."""
    found = dict(names)
    for name in EXERCISES:
        exec(other.get(name, cell(notebook, name).source), found)
    return found


def drawn_by(notebook: NotebookNode, kind: str, draw: str) -> str:
    """The sampler's cell with another line in place of its draw from `p`."""
    source = cell(notebook, f"sample_text_{kind}").source
    line = "index = np.random.choice(len(p), p=p)"
    assert source.count(line) == 1
    return source.replace(line, draw)


def shown_by(
    notebook: NotebookNode, names: dict[str, Any], kind: str, source: str, before: int = 0
) -> dict[str, Any]:
    """What the hidden test observes of a sampler that has written `before` characters already."""
    sampler = f"sample_text_{kind}"
    wrong = answered(notebook, names, **{sampler: source})
    if before:
        wrong[sampler](wrong[kind.lower()].arrays, "my", 2 + before)
    shown = observing.observed(cell(notebook, f"{sampler}_test").source, wrong)
    del shown["that impossible characters never come"]  # a text that is drawn
    return shown


def test_states_kept_between_calls_show_the_same_whatever_was_drawn_before(
    notebook: NotebookNode, names: dict[str, Any]
) -> None:
    mistake = MISTAKES["states_kept_between_calls"]
    source = cell(notebook, mistake["cell"]).source.replace(mistake["find"], mistake["replace"])
    first, *others = (shown_by(notebook, names, "RNN", source, n) for n in (0, 7, 23))
    assert all(observing.same(first, other) for other in others)


SHARPER = "index = np.random.choice(len(p), p=p**2 / np.sum(p**2))"
FROM_THREE = "top = np.argsort(-p)[:3]; index = np.random.choice(top, p=p[top] / np.sum(p[top]))"


@pytest.mark.parametrize("draw", [SHARPER, FROM_THREE])
@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_who_draws_from_another_distribution_is_not_told_that_nothing_was_drawn(
    notebook: NotebookNode, names: dict[str, Any], kind: str, draw: str
) -> None:
    other, likeliest = (
        shown_by(notebook, names, kind, drawn_by(notebook, kind, line))
        for line in (draw, "index = int(np.argmax(p))")
    )
    assert not observing.same(other, likeliest)


def test_no_right_step_is_left_for_the_sampler_to_find(
    notebook: NotebookNode, names: dict[str, Any]
) -> None:
    for kind in ("RNN", "GRU"):
        tested = answered(notebook, names)
        observing.observed(cell(notebook, f"sample_text_{kind}_test").source, tested)
        assert "hidden_random" in tested and tested["hidden_state"] is None


# ---- its checks


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_a_check_that_draws_never_fails_a_right_answer(
    notebook: NotebookNode, names: dict[str, Any], kind: str
) -> None:
    right = answered(notebook, names)
    for seed in range(20):
        np.random.seed(seed)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(cell(notebook, f"sample_text_{kind}_check").source, right)


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "tests" / "alternates" / NAME).glob("*/*.py")),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_no_check_refuses_a_right_answer_written_differently(
    notebook: NotebookNode, names: dict[str, Any], path: Path
) -> None:
    right = answered(notebook, names, **{path.parent.name: path.read_text()})
    with contextlib.redirect_stdout(io.StringIO()):
        exec(cell(notebook, f"{path.parent.name}_check").source, right)


@pytest.mark.parametrize(
    ("exercise", "right", "wrong"),
    [
        ("sample_text_RNN", "np.zeros(128)", "np.ones(128)"),
        ("sample_text_RNN", "np.zeros(64)", "np.ones(64)"),
        ("get_perplex_rnn", "np.zeros(64)", "np.ones(64)"),
    ],
)
def test_a_check_sees_states_that_do_not_start_at_zero(
    notebook: NotebookNode, names: dict[str, Any], exercise: str, right: str, wrong: str
) -> None:
    source = cell(notebook, exercise).source.replace(right, wrong)
    tried = answered(notebook, names, **{exercise: source})
    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(checks.CheckFailed, match="zero"):
        exec(cell(notebook, f"{exercise}_check").source, tried)


# ---- what it gives, and what it gives away


def test_points_are_those_of_the_specification(notebook: NotebookNode) -> None:
    points = {cell.id: cell.metadata.nbgrader.points for cell in notebook.cells
              if nbgrader(cell).get("points")}  # fmt: skip
    assert points == {
        "task_1_1_1": 2,
        "task_1_1_2": 2,
        "sample_text_RNN_test": 5,
        "sample_text_GRU_test": 5,
        "task_1_4_1": 2,
        "get_perplex_rnn_test": 3,
        "get_perplex_gru_test": 3,
        "task_1_4_2": 1,
        "task_1_4_3": 2,
    }


def test_given_code_holds_no_answer(notebook: NotebookNode) -> None:
    for cell in given_code(notebook):
        assert " @ " not in cell.source and "np.log" not in cell.source, cell.id


def test_matrices_come_back_in_the_order_that_is_told(notebook: NotebookNode) -> None:
    source = next(cell.source for cell in notebook.cells if cell.id == "gru_matrices")
    told = re.findall(r"\b[Wb]_\w+", source.partition("In this order:")[2].partition("Matrices")[0])
    assert told == re.findall(r"\b[Wb]_\w+", re.search(r"return (.*)", source)[1])
