"""The sixth problem set's notebook: it runs, its numbers hold, its checks see what is wrong."""

import math
import re
from pathlib import Path
from typing import Any

import problem_set
import pytest
import torch
from nbformat import NotebookNode
from problem_set import printed

from lmlib import tokenizers

NAME = "ps6_tiny_transformer"
NOTEBOOK = problem_set.read(NAME)
FOLDER = problem_set.ROOT / "tests" / "alternates" / NAME
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
EXERCISES = [cell.id.removesuffix("_test") for cell in NOTEBOOK.cells if cell.id.endswith("_test")]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    return problem_set.executed(NOTEBOOK, tmp_path_factory.mktemp("ps6"))


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return problem_set.names_without_training(NOTEBOOK)


# ---- it runs, and its numbers hold


def test_every_check_passes_with_the_instructors_solution(
    executed: dict[str, NotebookNode],
) -> None:
    for name in [*EXERCISES, "ai_tools", "packages"]:
        lines = printed(executed[f"{name}_check"]).splitlines()
        told = [line for line in lines if not line.startswith("epoch ")]
        assert told and all(line.startswith("✓") for line in told), name


def test_the_merges_are_those_of_the_library(executed: dict[str, NotebookNode]) -> None:
    told = printed(executed["library"])
    assert re.fullmatch(r"All \d+ merges match those of the library, in the same order.\n", told)


def test_figures_and_explorers_are_shown(executed: dict[str, NotebookNode]) -> None:
    shown = {"coverage", "cost", "clocks", "curves", "maps", "stages", "sharpness", "stability"}
    assert problem_set.pictures(executed) == shown | {"explorer"}
    [player] = executed["player"].outputs
    assert "Characters only" in player.data["text/plain"]
    assert "<span" in player.data["text/html"]


def test_expected_losses_fall_and_are_above_those_of_training(names: dict[str, Any]) -> None:
    expected = names["expected"]
    for mean, least, most, _ in expected.values():
        assert least <= mean <= most
    first, last = (expected[f"validation, epoch {epoch}"] for epoch in (1, 10))
    assert last[2] < first[1] < math.log(500), (
        "every run has learned from its first epoch to its last"
    )
    assert expected["training, epoch 10"][2] < last[1]


def test_nothing_that_is_validated_with_is_learned_from(names: dict[str, Any]) -> None:
    """The last training target stands before the first token to validate with, in the text."""
    ids = list(range(1000))  # each id is its own place
    (_, train_y), (val_x, _) = names["split_windows"](ids, 50, 10)
    assert train_y.max() < 800 <= val_x.min()


def test_tokens_that_stand_in_for_part_1_are_like_those_of_the_solution(
    names: dict[str, Any],
) -> None:
    text, own = names["text"], names["ids"]
    ids, merges, vocab = tokenizers.learned(text, len(names["vocab"]))
    assert len(ids) == pytest.approx(len(own), rel=0.1)
    assert list(vocab.values()) == list(range(len(names["vocab"])))
    assert {a + b for a, b in merges} <= set(vocab)
    assert names["decode"](ids, vocab) == text


@pytest.mark.parametrize(
    "answer",
    ["TinyTransformer/list_comprehension", "TransformerBlock/two_maps"],
)
def test_what_a_model_costs_is_told_whatever_its_parts_are_called(
    names: dict[str, Any], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = dict(names)
    written = {answer.partition("/")[0]: (FOLDER / f"{answer}.py").read_text()}
    for cell in ("TransformerBlock", "TinyTransformer", "costs"):  # anew, among these names
        exec(written.get(cell, CELLS[cell].source), own)
    told = capsys.readouterr().out.splitlines()
    assert [line[:8] for line in told[1:]] == ["head    ", "embeddin", "block 0 ", "block 1 "]


def test_what_is_encoded_can_be_decoded(names: dict[str, Any]) -> None:
    text, merges, vocab = names["text"], names["merges"], names["vocab"]
    assert not re.search(r"\b[A-Z]{2,}\b", text[:5000])
    assert names["decode"](names["encode"](text[:5000], merges, vocab), vocab) == text[:5000]


def test_snapshots_are_of_different_moments(names: dict[str, Any]) -> None:
    model = names["TinyTransformer"](names["V"], 8, 1, 8, 50)
    batches = [(names["train_windows"][0][:4], names["train_windows"][1][:4])]
    _, snapshots = names["fit"](model, batches, batches, 2, 1e-2)
    heads = [snapshot["head.weight"] for snapshot in snapshots]
    assert len(heads) == 3
    assert not torch.equal(heads[0], heads[1]) and not torch.equal(heads[1], heads[2])
    assert torch.equal(heads[2], model.head.weight)


# ---- its checks see what is wrong

# Hidden tests see these; for a check they would need larger inputs or many draws.
UNSEEN = {
    "ties_by_the_alphabet",
    "merges_sorted",
    "capitals_only_in_counting",
    "positions_in_every_block",
    "gradients_not_clipped",
    "adam_for_adamw",
    "betas_left_as_they_are",
    "likeliest_token_each_time",
    "gelu_approximated",
    "legend_exchanged",
    "seed_set_at_every_step",
    "seed_set_in_generate",
    "drawn_at_a_lower_temperature",
}


@pytest.mark.parametrize(
    "mistake", problem_set.mistakes(NAME), ids=lambda mistake: str(mistake["id"])
)
def test_a_check_fails_on_a_known_mistake(names: dict[str, Any], mistake: dict[str, Any]) -> None:
    said = problem_set.what_a_check_says(NOTEBOOK, names, mistake)
    assert bool(said) == (mistake["id"] not in UNSEEN), said


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_check_refuses_the_solution_by_bad_luck(names: dict[str, Any], exercise: str) -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        assert not problem_set.said_below(NOTEBOOK, names, exercise), seed


ALTERNATES = sorted(FOLDER.glob("*/*.py"))


@pytest.mark.parametrize("answer", ALTERNATES, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_no_check_refuses_a_right_answer(names: dict[str, Any], answer: Path) -> None:
    assert not problem_set.said_below(NOTEBOOK, names, answer.parent.name, answer.read_text())


# ---- what it asks


def test_points_are_those_of_the_specification() -> None:
    points = problem_set.points(NOTEBOOK)
    parts = {
        "1": "pre_tokenize compute_pair_freqs merge_pair train_bpe tokenize_word encode decode 1_6",
        "2": "make_windows split_windows PositionalEmbedding",
        "3": "RMSNorm SelfAttention TransformerBlock TinyTransformer",
        "4": "evaluate fit",
        "5": "plot_losses plot_attention generate",
        "6": "6_1 6_2 6_3 6_4 6_5",
    }
    points = {name.removeprefix("task_").removesuffix("_test"): n for name, n in points.items()}
    sums = {part: sum(points.pop(name) for name in named.split()) for part, named in parts.items()}
    assert sums == {"1": 15, "2": 4, "3": 9, "4": 4, "5": 3, "6": 5} and not points


def test_what_trains_is_left_out_in_grading() -> None:
    for name, cell in CELLS.items():
        if re.search(r"(?<!def )\bfit\(", cell.source) and not name.endswith("_test"):
            assert cell.metadata.get("tags") == ["training"], name


@pytest.mark.kernel
def test_every_mistake_is_caught_and_every_alternate_kept(tmp_path: Path) -> None:
    problem_set.check_audit(NAME, tmp_path, mistakes=20, named=0.85, alternates=16)
