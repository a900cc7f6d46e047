"""The fifth problem set's notebook: it runs, its numbers hold, its checks see what is wrong."""

import re
from typing import Any

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

# Hidden tests see these; for a check they would need a draw, or more than a few numbers.
UNSEEN = {
    "forward_by_the_ready_attention",
    "feed_forward_not_normalised",
    "one_layer_for_all",
}


@pytest.mark.parametrize(
    "mistake", problem_set.mistakes(NAME), ids=lambda mistake: str(mistake["id"])
)
def test_a_check_fails_on_a_known_mistake(names: dict[str, Any], mistake: dict[str, Any]) -> None:
    said = problem_set.what_a_check_says(NOTEBOOK, names, mistake)
    assert bool(said) == (mistake["id"] not in UNSEEN), said


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
