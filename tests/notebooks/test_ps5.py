"""The fifth problem set's notebook: it runs, its numbers hold, its checks see what is wrong."""

import contextlib
import copy
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import problem_set
import pytest
import torch
from nbformat import NotebookNode
from problem_set import printed

from lmlib import experiments
from scorers import held_out

NAME = "ps5_attention_backward"
NOTEBOOK = problem_set.read(NAME)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
EXERCISES = [
    "Attention",
    "attention_backward",
    "sequence_log_probability",
    "CausalLanguageModel",
    "predict",
    "generate",
    "drop_words",
    "tie_weights",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    return problem_set.executed(NOTEBOOK, tmp_path_factory.mktemp("ps5"))


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return problem_set.names_without_training(NOTEBOOK)


# ---- it runs, and its numbers hold


def test_every_check_passes_with_the_instructors_solution(
    executed: dict[str, NotebookNode],
) -> None:
    for name in [*EXERCISES, "finite_differences", "packages"]:
        lines = printed(executed[f"{name}_check"]).splitlines()
        assert lines and all(line.startswith("✓") for line in lines), name


def test_finite_differences_speak_of_every_array_they_can(
    executed: dict[str, NotebookNode],
) -> None:
    told = re.findall(r"^✓ (dLd\w+) +agrees$", printed(executed["finite_differences_check"]), re.M)
    assert set(told) == {"dLdX", "dLdWk", "dLdWq", "dLdWv", "dLdK", "dLdQ", "dLdV", "dLdA_w"}


def test_figures_are_shown(executed: dict[str, NotebookNode]) -> None:
    assert problem_set.pictures(executed) == {"points", "train-model", "roll-out"}


def test_simple_means_are_measured_beside_the_model(executed: dict[str, NotebookNode]) -> None:
    assert "your model: " in printed(executed["next-character"])
    found = dict(re.findall(r"^(\w+) +([\d.]+) nats", printed(executed["contexts"]), re.M))
    assert float(found["uniform"]) == pytest.approx(3.434, abs=1e-3)
    assert set(found) == {"uniform", "unigram", "bigram"}


def test_the_run_can_be_handed_in_as_it_is(executed: dict[str, NotebookNode]) -> None:
    assert "validation_nll" in printed(executed["save-generations"])


COUNTING = 2.14  # nats, as the notebook says


def test_expected_losses_earn_all_points(names: dict[str, Any]) -> None:
    files = (held_out.PREDICTIONS, held_out.GENERATIONS)
    for file, (mean, least, most) in zip(files, names["expected"].values(), strict=True):
        over = COUNTING if file == held_out.PREDICTIONS else 0.0
        assert least <= mean <= most < over + held_out.SCALES[file].full


def test_the_scales_are_those_of_grading() -> None:
    scales = held_out.SCALES
    below, none = -scales["predictions.npz"].full, scales["predictions.npz"].none
    text = CELLS["predictions-exercise"].source
    assert f"at {below:.2f} nats per character below what counting reaches" in text
    assert f"(about {COUNTING})" in text and "none at what counting reaches" in text and none == 0
    full, none = scales["generations.txt"].full, scales["generations.txt"].none
    text = CELLS["generations-exercise"].source
    assert f"to {full:.2f} nats" in text and re.search(rf"none from {none:.2f}", text)
    assert set(scales) == set(experiments.HANDED_IN)
    for name in ("predictions", "generations"):
        file = CELLS[f"{name}_test"].metadata.nbjudge.scored_file
        assert file.partition(".")[0] == name and file in scales


def test_a_training_that_was_stopped_goes_on(
    names: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, model = experiments.new_run(), names["new_model"]()
    assert len(names["train"](model, run, 2)) == 2
    before = [weight.detach().clone() for weight in model.parameters()]
    again = names["new_model"]()
    assert len(names["train"](again, run, 2)) == 2, "nothing is left to do"
    for weight, kept in zip(again.parameters(), before, strict=True):
        assert torch.equal(weight, kept)
    assert len(names["train"](names["new_model"](), run, 3)) == 3


# ---- its checks see what is wrong

# Hidden tests see these; for a check they would need another device, or more than a few numbers.
UNSEEN = {
    "forward_by_the_ready_attention",
    "backward_by_autograd",
    "backward_by_finite_differences",
    "no_activation",
    "activation_behind_the_second_map",
    "places_on_another_device",
    "predict_leaves_training_mode",
    "predict_leaves_evaluation_mode",
}


def both_checks_of_the_derivatives() -> NotebookNode:
    """The notebook with finite differences in the check of attention_backward itself."""
    notebook = copy.deepcopy(NOTEBOOK)
    [check] = [cell for cell in notebook.cells if cell.id == "attention_backward_check"]
    for name in ("finite-differences", "finite_differences_check"):
        check.source += "\n" + CELLS[name].source
    return notebook


@pytest.mark.parametrize(
    "mistake", problem_set.mistakes(NAME), ids=lambda mistake: str(mistake["id"])
)
def test_a_check_fails_on_a_known_mistake(names: dict[str, Any], mistake: dict[str, Any]) -> None:
    said = problem_set.what_a_check_says(both_checks_of_the_derivatives(), names, mistake)
    assert bool(said) == (mistake["id"] not in UNSEEN), said


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_check_refuses_the_solution_by_bad_luck(names: dict[str, Any], exercise: str) -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        assert not problem_set.said_below(NOTEBOOK, names, exercise), seed


# ---- its hidden tests


@pytest.fixture(scope="module")
def hidden(names: dict[str, Any]) -> dict[str, Any]:
    """What the hidden tests of the first exercise define."""
    found = dict(names)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(CELLS["Attention_test"].source.partition("### BEGIN KEY")[0], found)
    return found


def by_the_engine(x: torch.Tensor) -> None:
    y, engine = x.exp().sum(), torch.autograd.Variable._execution_engine
    one = torch.ones(())
    engine.run_backward((y,), (one,), False, False, (), allow_unreachable=True)


DOORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "backward": lambda x: (x**2).sum().backward(),
    "grad": lambda x: torch.autograd.grad((x**2).sum(), x),
    "functional": lambda x: torch.autograd.functional.jacobian(lambda y: y**2, x),
    "func.grad": lambda x: torch.func.grad(lambda y: (y**2).sum())(x),
    "func.vjp": lambda x: torch.func.vjp(lambda y: y**2, x)[1](x),
    "func.jvp": lambda x: torch.func.jvp(lambda y: y**2, (x,), (x,)),
    "func.jacrev": lambda x: torch.func.jacrev(lambda y: y**2)(x),
    "func.jacfwd": lambda x: torch.func.jacfwd(lambda y: y**2)(x),
    "the engine": by_the_engine,
    "the softmax's own": lambda x: torch._softmax_backward_data(x, x, -1, x.dtype),
}


@pytest.mark.parametrize("door", DOORS)
def test_derivatives_by_pytorch_are_refused(hidden: dict[str, Any], door: str) -> None:
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(hidden["hidden_Derivative"]), hidden["hidden_by_hand"](100):
        DOORS[door](x)


def test_no_error_of_python_looks_like_a_refusal(hidden: dict[str, Any]) -> None:
    for kind in ("ReadyAttention", "Derivative", "ForwardAgain"):
        refusal = hidden[f"hidden_{kind}"]
        assert refusal.__bases__ == (Exception,) and refusal.__name__ == f"hidden_{kind}"


# ---- models written from the text alone

MODELS = sorted((problem_set.ROOT / "tests/alternates" / NAME).glob("CausalLanguageModel/*.py"))


def losses_of_a_short_run(names: dict[str, Any], run: Path) -> list[float]:
    """Those of sixty steps of the notebook's own training, with tied weights and dropped words."""
    torch.manual_seed(1)
    run.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        found: list[float] = names["train"](names["new_model"]().train(), run, 60, 1e-2, 5)
    return found


@pytest.fixture(scope="module")
def instructors(names: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return losses_of_a_short_run(names, tmp_path_factory.mktemp("instructors") / "run")


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_model_by_the_text_learns_as_the_instructors(
    names: dict[str, Any],
    instructors: list[float],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = dict(names)
    exec(model.read_text(), found)
    monkeypatch.setitem(names, "CausalLanguageModel", found["CausalLanguageModel"])
    losses = losses_of_a_short_run(names, tmp_path / "run")
    for start in (losses[0], instructors[0]):
        assert start == pytest.approx(np.log(names["V"]), abs=0.3)
    assert np.mean(losses[-10:]) < losses[0] - 0.5
    assert np.mean(losses[-10:]) == pytest.approx(np.mean(instructors[-10:]), abs=0.3)


def test_a_model_whose_tables_start_large_does_not(
    names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [mistake] = [one for one in problem_set.mistakes(NAME) if one["id"] == "tables_start_large"]
    found = dict(names)
    source = CELLS["CausalLanguageModel"].source
    exec(source.replace(mistake["find"], mistake["replace"]), found)
    monkeypatch.setitem(names, "CausalLanguageModel", found["CausalLanguageModel"])
    assert losses_of_a_short_run(names, tmp_path / "run")[0] > np.log(names["V"]) + 1


# ---- what it asks


def test_points_are_those_of_the_specification() -> None:
    points = problem_set.points(NOTEBOOK)
    assert points == {
        "Attention_test": 8,
        "attention_backward_test": 12,
        "task_2_1": 4,
        "sequence_log_probability_test": 6,
        "CausalLanguageModel_test": 14,
        "predict_test": 8,
        "generate_test": 8,
        "drop_words_test": 3,
        "tie_weights_test": 3,
        "predictions_test": 17,
        "generations_test": 17,
    }
    assert sum(points.values()) == 100


def test_what_trains_is_left_out_in_grading() -> None:
    for name, cell in CELLS.items():
        if re.search(r"= train\(|experiments\.save_(pred|gen)", cell.source):
            assert cell.metadata.get("tags") == ["training"], name
