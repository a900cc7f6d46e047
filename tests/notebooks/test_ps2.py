"""The second problem set's notebook: it runs, its numbers hold, its checks name what is wrong."""

import ast
import contextlib
import io
import re
import tomllib
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
NAME = "ps2_numpy_transformer"
NOTEBOOK = nbformat.read(ROOT / "source" / NAME / f"{NAME}.ipynb", as_version=4)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
MISTAKES = tomllib.loads((ROOT / "mistakes" / f"{NAME}.toml").read_text())["mistake"]
GIVEN = ["setup", "tokenizer", "parameters", "helpers", "positions"]
EXERCISES = [
    "embed_tokens",
    "positional_similarity",
    "draw_similarity",
    "multi_head_attention",
    "mlp",
    "prediction_head",
    "transformer",
    "generate_with_transformer",
]
SHOWN = [  # whose checks show the first rows
    "multi_head_attention",
    "mlp",
    "prediction_head",
    "transformer",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    """The cells after a run of the whole notebook, which stops at the first error."""
    folder = tmp_path_factory.mktemp("ps2")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LMLIB_PROFILE", "smoke")
        environment.setenv("MPLCONFIGDIR", str(folder))
        notebook = nbformat.from_dict(NOTEBOOK)
        resources = {"metadata": {"path": str(folder)}}
        done = NotebookClient(notebook, timeout=300, resources=resources).execute()
    return {cell.id: cell for cell in done.cells}


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """All names after the given cells and the solutions, without any experiment."""
    found: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in [*GIVEN, *EXERCISES, "attention-weights", "attention-of"]:
            exec(CELLS[cell].source, found)
    return found


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


# ---- it runs, and its numbers hold


def test_every_check_passes_with_the_instructors_solution(
    executed: dict[str, NotebookNode],
) -> None:
    for name in [*EXERCISES, "packages"]:
        lines = printed(executed[f"{name}_check"]).splitlines()
        assert lines and all(line.startswith(("✓", "  ")) for line in lines)


def test_checks_show_three_rows_and_five_columns_beside_the_expected(
    executed: dict[str, NotebookNode],
) -> None:
    for name in SHOWN:
        rows = re.findall(r"^  (\[.*\]),  (\[.*\]),$", printed(executed[f"{name}_check"]), re.M)
        assert len(rows) == 3
        for yours, expected in rows:
            assert len(ast.literal_eval(yours)) == 5
            np.testing.assert_allclose(
                ast.literal_eval(yours), ast.literal_eval(expected), atol=5e-3
            )


def test_parameters_are_those_of_the_specification(names: dict[str, Any]) -> None:
    D, V = 512, 1024
    layer = {f"attention.{w}.weight": (D, D) for w in ("wq", "wk", "wv", "wo")} | {
        "feed_forward.0.weight": (1024, D),
        "feed_forward.2.weight": (D, 1024),
    }
    layers = {f"layers.{i}.{name}": shape for i in range(4) for name, shape in layer.items()}
    outer = {
        "word_embedding.weight": (V, D),
        "position_embedding.inv_freq": (D // 2,),
        "fc_out.weight": (V, D),
        "fc_out.bias": (V,),
    }
    assert {name: array.shape for name, array in names["params"].items()} == layers | outer


def test_the_model_is_far_better_than_guessing_on_a_play_it_never_read(
    executed: dict[str, NotebookNode],
) -> None:
    ours, blind = re.findall(r"(\d\.\d\d)(?: nats|$)", printed(executed["held-out"]), re.M)
    assert float(ours) < 1.6 < 2.8 < float(blind)


def test_the_cache_gives_the_same_text(executed: dict[str, NotebookNode]) -> None:
    assert printed(executed["cache-speed"]).strip().endswith("True")


def test_figures_are_shown_and_explorers_have_a_picture(executed: dict[str, NotebookNode]) -> None:
    shown = {
        name
        for name, cell in executed.items()
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    }
    assert shown == {
        "clock",
        "draw_similarity_check",
        "mask-picture",
        "temperature-explorer",
        "attention-explorer",
        "cache-plot",
    }
    [tokens] = executed["colours"].outputs
    assert tokens.data["text/html"].count("<span") > 20


# ---- its checks name what went wrong


def answered(names: dict[str, Any], **other: str) -> dict[str, Any]:
    """The names with the instructor's answers, or with others, given as whole cells."""
    fixed = np.cos(np.outer(np.arange(1, 129), np.arange(1, 513))).astype(np.float32)
    found = dict(names) | {"checks": checks, "block_size": 128, "fixed": fixed}
    for name in EXERCISES:  # anew, so that they call one another among these names
        exec(other.get(name, CELLS[name].source), found)
    return found


def with_mistake(mistake: dict[str, Any]) -> dict[str, str]:
    """The cell that a mistake edits, by its name."""
    source = CELLS[mistake["cell"]].source
    assert source.count(mistake["find"]) == 1
    return {mistake["cell"]: source.replace(mistake["find"], mistake["replace"])}


def run_check(names: dict[str, Any], cell: str, source: str) -> str:
    """What the visible check of an exercise says of an answer."""
    namespace = answered(names)
    exec(source, namespace)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(CELLS[f"{cell}_check"].source, namespace)
    except checks.CheckFailed as failed:
        return str(failed)
    except ValueError as error:  # shapes that do not fit
        return f"ValueError: {error}"
    return ""


def causes(name: str) -> list[str]:
    return re.findall(r'^        "(.*)": \(', CELLS[f"{name}_check"].source, re.M)


@pytest.mark.parametrize("cell", SHOWN)
def test_a_check_fails_on_every_known_mistake_and_names_the_common_ones(
    names: dict[str, Any], cell: str
) -> None:
    known = causes(cell)
    assert len(known) >= 3
    named = []
    for mistake in MISTAKES:
        if mistake["cell"] != cell:
            continue
        said = run_check(names, cell, with_mistake(mistake)[cell])
        assert said, mistake["id"]
        named += re.findall(r"It looks as if (.*)\.$", said)
    assert sorted(named) == sorted(known), "every cause is named once, by its own mistake"


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ('    axes.set_xlabel("position j")\n', "label"),
        ('    axes.set_ylabel("position i")\n', "label"),
        ('    figure.colorbar(image, ax=axes, label="inner product")\n', "color bar"),
        ("    return figure\n", "returns a figure"),
    ],
)
def test_the_check_of_the_heat_map_says_what_it_lacks(
    names: dict[str, Any], left_out: str, said: str
) -> None:
    source = CELLS["draw_similarity"].source
    assert source.count(left_out) == 1
    assert said in run_check(names, "draw_similarity", source.replace(left_out, ""))


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "tests" / "alternates" / NAME).glob("*/*.py")),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_no_check_refuses_a_right_answer_written_differently(
    names: dict[str, Any], path: Path
) -> None:
    assert run_check(names, path.parent.name, path.read_text()) == ""


def test_the_check_that_draws_never_fails_a_right_answer(names: dict[str, Any]) -> None:
    for seed in range(20):
        np.random.seed(seed)
        source = CELLS["generate_with_transformer"].source
        assert run_check(names, "generate_with_transformer", source) == ""


# ---- what its hidden tests see


def shown_by(names: dict[str, Any], cell: str, source: str) -> dict[str, Any]:
    """What the hidden test of an exercise observes of an answer."""
    return observing.observed(CELLS[f"{cell}_test"].source, answered(names, **{cell: source}))


def drawn_by(names: dict[str, Any], draw: str) -> dict[str, Any]:
    """What the hidden test observes of a generator that chooses its tokens by another line."""
    line = "token = np.random.choice(vocab_size, p=softmax(logits / temperature))"
    source = CELLS["generate_with_transformer"].source
    assert source.count(line) == 1
    return shown_by(names, "generate_with_transformer", source.replace(line, draw))


def test_draws_from_other_distributions_are_told_apart(names: dict[str, Any]) -> None:
    choice = "token = np.random.choice(vocab_size, p=softmax({}))"
    shown = [
        drawn_by(names, draw)
        for draw in (
            choice.format("logits / temperature"),
            choice.format("logits"),
            choice.format("logits * temperature"),
            choice.format("2 * logits / temperature"),
            "top = np.argsort(-logits)[:10];"
            " token = np.random.choice(top, p=softmax(logits[top] / temperature))",
            "token = np.argmax(logits)",
        )
    ]
    for number, one in enumerate(shown):
        assert not any(observing.same(one, other) for other in shown[number + 1 :])


def test_a_text_encoded_anew_and_greedy_ignored_show(names: dict[str, Any]) -> None:
    source = CELLS["generate_with_transformer"].source
    right = shown_by(names, "generate_with_transformer", source)
    for part, wrong, name in [
        ("transformer(tokens,", "transformer(enc.encode(enc.decode(tokens)),", "the drawn text"),
        ("if greedy:", "if False:", "the likeliest text"),
    ]:
        shown = shown_by(names, "generate_with_transformer", source.replace(part, wrong))
        texts = [found for found in right if found.startswith(name)]
        assert len(texts) == 2 and all(shown[found] != right[found] for found in texts)


def test_what_is_scaled_in_place_is_told_apart(names: dict[str, Any]) -> None:
    found = {
        mistake["id"]: shown_by(names, mistake["cell"], with_mistake(mistake)[mistake["cell"]])
        for mistake in MISTAKES
        if mistake["id"] in ("params_scaled_in_place", "input_scaled_in_place")
    }
    kept = {name: shown["what is as before after a call"] for name, shown in found.items()}
    assert kept == {
        "params_scaled_in_place": {"rows": True, "weights": False},
        "input_scaled_in_place": {"rows": False, "weights": True},
    }


# ---- the attention weights that the explorer shows


def test_the_probe_finds_the_weights_of_every_head(names: dict[str, Any]) -> None:
    maps, pieces = names["attention_of"]("But soft! what light")
    n = len(pieces)
    assert maps.shape == (4, 8, n, n)
    np.testing.assert_allclose(maps.sum(axis=-1), 1.0, atol=1e-3)
    assert abs(np.triu(maps, 1)).max() < 1e-4
    x = names["embed_tokens"](names["enc"].encode("But soft! what light"), names["params"])
    x = x + names["get_sinusoidal_positional_embeddings"](n, 512)
    q, k = (x @ names["params"][f"layers.0.attention.{w}.weight"][64:128].T for w in ("wq", "wk"))
    scores = np.where(np.tri(n, dtype=bool), q @ k.T / 8, -np.inf)
    np.testing.assert_allclose(maps[0, 1], names["softmax"](scores), atol=1e-3)


# ---- what it asks


def test_points_are_those_of_the_specification() -> None:
    points = {
        cell.id: cell.metadata.nbgrader.points
        for cell in NOTEBOOK.cells
        if cell.metadata.get("nbgrader", {}).get("points")
    }
    assert points == {
        "task_2_1": 3,
        "embed_tokens_test": 2,
        "positional_similarity_test": 1,
        "task_2_2b": 2,
        "multi_head_attention_test": 6,
        "mlp_test": 3,
        "prediction_head_test": 2,
        "transformer_test": 5,
        "generate_with_transformer_test": 4,
        "task_2_12": 2,
    }
    assert sum(points.values()) == 30


def test_hidden_texts_stay_within_the_block_and_are_not_those_of_the_checks() -> None:
    hidden = "\n".join(cell.source for cell in NOTEBOOK.cells if is_test(cell))
    shown = "\n".join(cell.source for cell in NOTEBOOK.cells if not is_test(cell))
    for text in ("Good night", "My lord", "  to be\\n"):
        assert f'"{text}"' in hidden and f'"{text}"' not in shown


@pytest.mark.kernel
def test_every_mistake_is_caught_and_every_alternate_kept(tmp_path: Path) -> None:
    problem_set.check_audit(NAME, tmp_path, mistakes=22, named=0.9, alternates=16)
