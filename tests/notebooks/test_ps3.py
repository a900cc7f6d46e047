"""The third problem set's notebook: it runs, its numbers hold, its checks see what is wrong."""

import re
from pathlib import Path
from typing import Any

import problem_set
import pytest
import torch
from nbformat import NotebookNode
from problem_set import printed

NAME = "ps3_architectures"
NOTEBOOK = problem_set.read(NAME)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
MISTAKES = problem_set.mistakes(NAME)
ALTERNATES = sorted((problem_set.ROOT / "tests/alternates" / NAME).glob("*/*.py"))
EXERCISES = [
    "SimpleRNN",
    "train_language_model",
    "MultiLayerRNN",
    "train_multilayer_rnn",
    "rnn_flops",
    "rnn_sequential_products",
    "GRUCell",
    "five_behaviours",
    "GRULM",
    "causal_attention",
    "CausalSelfAttention",
    "Block",
    "Transformer",
    "transformer_flops",
    "transformer_sequential_products",
    "plot_attention_patterns",
]
TRAININGS = {  # cell → the models whose rows its table has added
    "train-rnn": ["RNN, 20 characters", "RNN"],
    "train-gru": ["GRU"],
    "train-transformers": ["transformer", "deep transformer", "deep GRU"],
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    return problem_set.executed(NOTEBOOK, tmp_path_factory.mktemp("ps3"))


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return problem_set.names_without_training(NOTEBOOK)


# ---- it runs, and its numbers hold


def test_every_check_passes_with_the_instructors_solution(
    executed: dict[str, NotebookNode],
) -> None:
    for name in [*EXERCISES, "packages"]:
        lines = printed(executed[f"{name}_check"]).splitlines()
        assert lines and all(line.startswith("✓") for line in lines), name


def test_the_table_of_costs_fills_as_the_notebook_goes(executed: dict[str, NotebookNode]) -> None:
    row = re.compile(r"^(\S.*?) +[\d,]+ +\d+ +[\d.]+ +\d\.\d{3}$", re.M)
    so_far: list[str] = []
    for cell, models in TRAININGS.items():
        so_far += models
        assert row.findall(printed(executed[cell]))[-len(so_far) :] == so_far


def test_which_stories_are_in_use_is_said(executed: dict[str, NotebookNode]) -> None:
    assert re.match(r"(TinyStories|Stories of our own|.*grammar)", printed(executed["stories"]))


def test_figures_are_shown(executed: dict[str, NotebookNode]) -> None:
    shown = problem_set.pictures(executed)
    wanted = {"fading", "gru-explorer", "memory", "against-steps", "against-seconds", "look"}
    assert shown == wanted | {"plot_attention_patterns_check"}, "the hidden test draws unseen"


def test_expected_losses_are_in_the_order_that_the_notebook_speaks_of(
    names: dict[str, Any],
) -> None:
    expected = names["expected"]
    assert list(expected) == [model for models in TRAININGS.values() for model in models]
    for mean, least, most, _ in expected.values():
        assert least <= mean <= most
    assert expected["GRU"][2] < expected["RNN"][1], "every GRU is better than every RNN"
    assert expected["deep transformer"][2] < expected["deep GRU"][1]


def test_the_deep_models_are_of_about_the_same_size(names: dict[str, Any]) -> None:
    config = names["Config"](60, n_layer=4, n_embd=64)
    sizes = [
        sum(parameter.numel() for parameter in model.parameters())
        for model in (names["Transformer"](config), names["DeepGRU"](60, 32, 96, 4))
    ]
    assert max(sizes) < 1.2 * min(sizes)


def test_a_new_transformer_begins_at_the_loss_of_guessing(names: dict[str, Any]) -> None:
    model = names["Transformer"](names["Config"](64, 16, 2, 4, 24))
    x = torch.randint(64, (8, 17))
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    assert loss.item() == pytest.approx(names["np"].log(64), abs=0.05)


# ---- its checks see what is wrong

# Hidden tests see these; for a check they would need many draws, or more than a few numbers.
UNSEEN = {
    "rnn_sharpened",
    "rnn_top_five",
    "rnn_state_lost_in_writing",
    "same_depth_each_time",
    "gru_sharpened",
    "gru_top_five",
    "gru_state_lost_in_writing",
    "values_by_the_keys_map",
    "queries_by_the_keys_map",
    "one_map_for_all_three",
    "heads_share_their_maps",
    "mlp_read_the_input",
    "transformer_sharpened",
    "transformer_top_five",
    "qkv_counted_three_times",
    "maps_of_the_last_layer",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["id"])
def test_a_check_fails_on_a_known_mistake(names: dict[str, Any], mistake: dict[str, Any]) -> None:
    said = problem_set.what_a_check_says(NOTEBOOK, names, mistake)
    assert bool(said) == (mistake["id"] not in UNSEEN), said


@pytest.mark.parametrize("path", ALTERNATES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_check_accepts_every_right_answer(names: dict[str, Any], path: Path) -> None:
    assert not problem_set.said_below(NOTEBOOK, names, path.parent.name, path.read_text())


@pytest.mark.parametrize("seed", range(5))
def test_no_check_fails_by_bad_luck(names: dict[str, Any], seed: int) -> None:
    torch.manual_seed(seed)
    for cell in EXERCISES:
        assert not problem_set.said_below(NOTEBOOK, names, cell), cell


# ---- what it asks


def test_points_are_those_of_the_specification() -> None:
    points = problem_set.points(NOTEBOOK)
    assert points == {
        "SimpleRNN_test": 5,
        "train_language_model_test": 5,
        "rnn_flops_test": 2,
        "rnn_sequential_products_test": 2,
        "GRUCell_test": 4,
        "five_behaviours_test": 2.5,
        "task_gates": 2.5,
        "GRULM_test": 3,
        "causal_attention_test": 2,
        "CausalSelfAttention_test": 2,
        "Block_test": 1,
        "Transformer_test": 3,
        "transformer_flops_test": 2,
        "transformer_sequential_products_test": 1,
        "task_costs": 1,
        "plot_attention_patterns_test": 1,
        "task_patterns": 1,
    }
    assert sum(points.values()) == 40


def test_extra_credit_is_that_of_the_specification() -> None:
    extra = {
        cell.id: cell.metadata.nbjudge.extra_credit
        for cell in NOTEBOOK.cells
        if "nbjudge" in cell.metadata
    }
    assert extra == {"MultiLayerRNN_test": 4, "train_multilayer_rnn_test": 2}


def test_what_trains_is_left_out_in_grading() -> None:
    for name, cell in CELLS.items():
        if re.search(r"^ *train\(|\.generate_text\(chunks", cell.source, re.M):
            assert cell.metadata.get("tags") == ["training"], name


@pytest.mark.kernel
def test_every_mistake_is_caught_and_every_alternate_kept(tmp_path: Path) -> None:
    problem_set.check_audit(NAME, tmp_path, mistakes=24, named=0.85, alternates=20)
