"""The fourth problem set's notebook: it runs, its numbers hold, its checks see what is wrong."""

import itertools
import re
from pathlib import Path
from typing import Any

import problem_set
import pytest
import torch
from nbformat import NotebookNode
from problem_set import printed

NAME = "ps4_bigram_to_transformer"
NOTEBOOK = problem_set.read(NAME)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
MISTAKES = problem_set.mistakes(NAME)
ALTERNATES = sorted((problem_set.ROOT / "tests/alternates" / NAME).glob("*/*.py"))
EXERCISES = [
    "BigramLanguageModel",
    "loss_at_initialisation",
    "BigramWithWordEmbeddingsLM",
    "Head",
    "SingleHeadedAttentionLM",
    "MultiHeadAttention",
    "MultiHeadedAttentionLM",
    "TransformerBlock",
    "TransformerLM",
    "own_context",
]
TRAININGS = [
    "train-bigram",
    "train-embedded",
    "train-single",
    "train-multi",
    "train-transformer",
]
LANGUAGE_MODELS = ["bigram", "embeddings", "single head", "many heads", "transformer"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    return problem_set.executed(NOTEBOOK, tmp_path_factory.mktemp("ps4"))


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
    trainings = [executed[name] for name in TRAININGS]
    for number, cell in enumerate(trainings, start=1):
        rows = re.findall(r"^([a-z ]+?) +[\d,]+ +\d+ +[\d.]+ +\d\.\d{3}$", printed(cell), re.M)
        assert rows == LANGUAGE_MODELS[:number]
        assert any("image/png" in output.get("data", {}) for output in cell.outputs)


def test_figures_are_shown(executed: dict[str, NotebookNode]) -> None:
    shown = problem_set.pictures(executed)
    pictures = {"pairs", "letters", "averages", "single-map", "two-heads", "multi-map"}
    assert shown == pictures | set(TRAININGS)


def test_expected_losses_fall_from_model_to_model(names: dict[str, Any]) -> None:
    expected = names["expected"]
    assert list(expected) == LANGUAGE_MODELS
    means = [mean for mean, _, _, _ in expected.values()]
    assert means == sorted(means, reverse=True)
    for mean, least, most, _ in expected.values():
        assert least <= mean <= most
    for (_, least, _, _), (_, _, most, _) in itertools.pairwise(list(expected.values())[1:]):
        assert most < least, "the runs of a better model are all better"


def test_a_new_transformer_begins_at_the_loss_of_guessing(names: dict[str, Any]) -> None:
    model = names["TransformerLM"](64, 16, 24, 6, 2)
    tokens = torch.randint(64, (8, 17))
    with torch.no_grad():
        _, loss = model(tokens[:, :-1], tokens[:, 1:])
    assert loss.item() == pytest.approx(names["np"].log(64), abs=0.05)


def test_a_line_of_romeo_is_looked_at_by_every_head(executed: dict[str, NotebookNode]) -> None:
    """The maps are caught from the solution's fused attention, six of them."""
    outputs = executed["multi-map"].outputs
    [picture] = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(re.findall("“.*?”", picture.data["text/plain"])) == 1 + 6


# ---- its checks see what is wrong

# Hidden tests see these; for a check they would need many draws, or more than a few numbers.
UNSEEN = {
    "bigram_sharpened",
    "bigram_top_five",
    "gradients_through_generate",
    "embedded_sharpened",
    "embedded_top_five",
    "single_sees_the_beginning",
    "single_sharpened",
    "single_top_five",
    "single_positions_on_the_cpu",
    "heads_share_weights",
    "values_by_the_keys_map",
    "queries_by_the_keys_map",
    "one_map_for_all_three",
    "multi_sharpened",
    "multi_top_five",
    "multi_positions_on_the_cpu",
    "feed_forward_read_the_input",
    "feed_forward_first",
    "weights_start_uniform",
    "transformer_evaluation_left_on",
    "transformer_sharpened",
    "transformer_top_five",
    "transformer_positions_on_the_cpu",
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
        "task_1_1_1": 1,
        "task_1_1_2": 1,
        "task_1_1_3": 1,
        "task_1_1_4": 1,
        "task_1_1_5": 2,
        "task_1_1_6": 2,
        "BigramLanguageModel_test": 4,
        "loss_at_initialisation_test": 1,
        "task_1_1_9": 1,
        "BigramWithWordEmbeddingsLM_test": 2,
        "task_1_2_2": 1,
        "task_1_3_1": 2,
        "task_1_3_2_1": 1,
        "Head_test": 5,
        "SingleHeadedAttentionLM_test": 3,
        "task_1_3_2_3": 1,
        "MultiHeadAttention_test": 4,
        "MultiHeadedAttentionLM_test": 2,
        "task_1_3_3_2": 1,
        "TransformerBlock_test": 3,
        "TransformerLM_test": 4,
        "task_1_4_3": 1,
        "task_1_4_4": 1,
    }
    assert sum(points.values()) == 45


def test_what_trains_is_left_out_in_grading() -> None:
    for name, cell in CELLS.items():
        if re.search(r"^train\(|\btransformer\.generate", cell.source, re.M):
            assert cell.metadata.get("tags") == ["training"], name
    assert set(TRAININGS) <= set(CELLS)


@pytest.mark.kernel
def test_every_mistake_is_caught_and_every_alternate_kept(tmp_path: Path) -> None:
    problem_set.check_audit(NAME, tmp_path, mistakes=24, named=0.85, alternates=20)
