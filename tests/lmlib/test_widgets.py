from collections.abc import Sequence

import ipywidgets
import matplotlib
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

matplotlib.use("agg")

from lmlib import plots, widgets

STATES = np.tanh(np.random.default_rng(0).normal(size=(12, 5)))
VIEW = "application/vnd.jupyter.widget-view+json"
PNG = b"\x89PNG"


def attention_of(sentence: str) -> tuple[np.ndarray, list[str]]:
    """Weights of 2 layers and 3 heads; head 0 of layer 1 looks at the first token only."""
    pieces = sentence.split()
    weights = np.zeros((2, 3, len(pieces), len(pieces)))
    weights[..., 0] = 1.0
    weights[0] = np.eye(len(pieces))
    return weights, pieces


def picture(explorer: widgets.Explorer) -> bytes:
    [image] = [child for child in explorer.children if isinstance(child, ipywidgets.Image)]
    return b"" if image.layout.display == "none" else bytes(image.value)


def words(explorer: widgets.Explorer) -> str:
    return explorer.children[-1].value


def shown(value: object) -> dict[str, object]:
    """What a notebook keeps of a cell whose last line is value."""
    return InteractiveShell(config=Config()).display_formatter.format(value)[0]


def test_the_slider_goes_through_all_units_and_redraws(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    hidden_unit = plots.hidden_unit

    def remember(states: np.ndarray, text: str, unit: int) -> object:
        drawn.append(unit)
        return hidden_unit(states, text, unit)

    monkeypatch.setattr(plots, "hidden_unit", remember)
    widget = widgets.hidden_units(STATES, "to be or not", unit=3)
    slider = widget.children[0]
    assert (slider.min, slider.max, slider.value) == (0, 4, 3)
    assert drawn == [3]
    slider.value = 1
    assert drawn == [3, 1]


@pytest.mark.parametrize(
    ("states", "unit", "sentence"),
    [
        (STATES[:5], 0, r"states has shape \(5, 5\); 12 characters need \(12, H\)"),
        (STATES, 5, "no unit 5: units are numbered from 0 to 4"),
    ],
)
def test_what_does_not_fit_is_refused(states: np.ndarray, unit: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        widgets.hidden_units(states, "to be or not", unit)


@pytest.mark.parametrize(
    "explorer",
    [
        lambda: widgets.hidden_units(STATES, "to be or not"),
        lambda: widgets.attention_explorer("to be or not", attention_of),
        lambda: widgets.temperature_explorer(lambda _: np.array([0.3, 0.7]), ["a", "b"]),
    ],
)
def test_a_picture_stands_beside_the_widget(explorer) -> None:  # type: ignore[no-untyped-def]
    bundle, metadata = explorer()._repr_mimebundle_()
    assert bundle[VIEW]["model_id"] and bundle["image/png"].startswith("iVBOR")
    assert metadata["image/png"]["alt"] == bundle["text/plain"] != ""
    assert {VIEW, "image/png", "text/plain"} <= set(shown(explorer()))


def test_attention_is_computed_once_for_a_sentence() -> None:
    asked = []

    def remember(sentence: str) -> tuple[np.ndarray, Sequence[str]]:
        asked.append(sentence)
        return attention_of(sentence)

    explorer = widgets.attention_explorer("to be or not", remember)
    sentence, layer, head = explorer.children[:3]
    assert (layer.max, head.max) == (1, 2)
    assert "“not”, looks most at “not”" in words(explorer)
    before = picture(explorer)
    layer.value = 1
    assert "layer 1, head 0" in words(explorer) and "looks most at “to”" in words(explorer)
    assert picture(explorer) != before and picture(explorer).startswith(PNG)
    sentence.value = "that is"
    sentence.value = "to be or not"
    assert asked == ["to be or not", "that is"]


def test_a_sentence_that_cannot_be_drawn_says_why_and_the_next_one_is_drawn() -> None:
    def sometimes(sentence: str) -> tuple[np.ndarray, Sequence[str]]:
        if sentence == "unsolved":
            raise NotImplementedError()
        if sentence == "long":
            raise ValueError("The sentence has 200 tokens; the model takes <128>.")
        if sentence == "faulty":
            return attention_of("a b")[0][0], ["a", "b"]
        return attention_of({"index": ""}[sentence] if sentence == "index?" else sentence)

    explorer = widgets.attention_explorer("unsolved", sometimes, layer=1)
    sentence = explorer.children[0]
    assert "sometimes is not written yet" in words(explorer)
    bundle, _ = explorer._repr_mimebundle_()
    assert "image/png" not in bundle and "not written yet" in bundle["text/plain"]
    for typed, reason in {
        "long": "takes &lt;128&gt;",
        " ": "Type a sentence",
        "faulty": "shape (3, 2, 2); 2 tokens need (layers, heads, 2, 2)",
        "index?": "KeyError: &#x27;index?&#x27;",
    }.items():
        sentence.value = typed
        assert reason in words(explorer)
        assert picture(explorer) == b""
    sentence.value = "to be"
    assert "layer 1, head 0" in words(explorer)
    assert picture(explorer).startswith(PNG)


def test_a_layer_that_the_model_lacks_becomes_its_last() -> None:
    explorer = widgets.attention_explorer("to be", attention_of, layer=7, head=9)
    assert [slider.value for slider in explorer.children[1:3]] == [1, 2]
    assert "layer 1, head 2" in words(explorer)


def test_the_temperature_is_handed_to_the_notebooks_function() -> None:
    asked = []

    def probabilities_at(temperature: float) -> np.ndarray:
        asked.append(temperature)
        return np.array([0.5, 0.5]) if temperature > 1 else np.array([0.0, 1.0])

    explorer = widgets.temperature_explorer(probabilities_at, ["the", "<b>"])
    assert "“&lt;b&gt;” (100.0%)" in words(explorer) and "among 1.0" in words(explorer)
    before = picture(explorer)
    slider = explorer.children[0]
    slider.value = 2.0
    assert asked == [1.0, 2.0] and "among 2.0 equally likely" in words(explorer)
    assert picture(explorer) != before
    assert (slider.min, slider.max) == (0.1, 3.0)


def test_tokens_are_told_apart_as_html_and_as_text() -> None:
    bundle = shown(widgets.coloured_tokens(["First", " <i>\n", "$"], [5, 6, 7]))
    assert bundle["text/plain"] == "First|␣<i>⏎|$"
    page = str(bundle["text/html"])
    assert "␣&lt;i&gt;⏎" in page and "<i>" not in page
    assert page.count("<br>") == 3 + 1  # before each id, and after the line break
    assert page.count("color: #000000") == page.count("border: 1px solid") == 3
    assert "<small>6</small>" in page
    assert "<small>" not in widgets.coloured_tokens(["a", "b"])._repr_html_()
    with pytest.raises(ValueError, match="1 ids for 2 tokens"):
        widgets.coloured_tokens(["a", "b"], [1])


@pytest.mark.parametrize("colour", widgets.PALETTE)
def test_black_on_each_colour_is_well_readable(colour: str) -> None:
    """WCAG 2: a contrast of at least 7 to 1."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    assert (linear @ [0.2126, 0.7152, 0.0722] + 0.05) / 0.05 >= 7


def test_the_gru_explorer_hands_its_sliders_to_the_notebooks_step() -> None:
    seen: list[tuple[list[float], list[float], dict[str, tuple[float, float]]]] = []

    def step(
        x: np.ndarray, h: np.ndarray, weights: dict[str, tuple[float, float]]
    ) -> tuple[np.ndarray, ...]:
        seen.append((x.tolist(), h.tolist(), weights))
        return x + h, x, h, -x

    explorer = widgets.gru_explorer(step, {"update": (0.0, 5.0)})
    zeros = dict.fromkeys(widgets.GRU_WEIGHTS, (0.0, 0.0))
    assert seen == [([0.8, 1.0], [-0.5, 0.5], zeros | {"update": (0.0, 5.0)})]
    grid, _, sentence = explorer.children
    assert len(grid.children) == 12
    assert "new state 0.30" in sentence.value
    sliders = {slider.description: slider for slider in grid.children}
    sliders["input, data"].value = 1.5
    sliders["new hidden, control"].value = -2.0
    assert seen[-1] == ([1.5, 1.0], [-0.5, 0.5], seen[0][2] | {"new_hidden": (0.0, -2.0)})
    assert "new state 1.00" in sentence.value


def tokens_after(sentence: str, merges_done: int) -> list[str]:
    """The sentence, its first tokens joined from the left."""
    return [sentence[: merges_done + 1], *sentence[merges_done + 1 :]]


def test_the_player_frames_what_the_last_merge_has_made() -> None:
    player = widgets.merge_player("abcab", tokens_after, [("a", "b"), ("ab", "c")])
    _, merges, play, *_ = player.children
    assert isinstance(play, ipywidgets.Play) and (play.min, play.max) == (0, 2)
    assert "Characters only: 5 tokens." in words(player) and "bold" not in words(player)
    merges.value = 2
    assert "“ab” and “c” become “abc”, 1 times here; 3 tokens are left." in words(player)
    assert words(player).count("font-weight: bold") == 1
    bundle, _ = player._repr_mimebundle_()
    assert bundle["text/plain"].endswith("abc|a|b") and bundle["text/html"] == words(player)


def test_the_player_takes_another_sentence_and_refuses_none() -> None:
    player = widgets.merge_player("abcab", tokens_after, [("a", "b")])
    player.children[0].value = "xyz"
    assert ">y<" in words(player)
    player.children[0].value = " "
    assert words(player) == "Type a sentence, then press Enter."


def test_snapshots_are_computed_once_and_drawn_by_epoch_and_layer() -> None:
    asked = []

    def attention_at(epoch: int, sentence: str) -> tuple[np.ndarray, list[str]]:
        asked.append((epoch, sentence))
        pieces = sentence.split()
        weights = np.stack([np.eye(len(pieces)), np.ones((len(pieces), len(pieces))) / 3])
        return weights, pieces

    explorer = widgets.snapshot_explorer("to be or", attention_at, 4)
    _, epochs, layers, *_ = explorer.children
    assert (epochs.min, epochs.max, layers.max) == (0, 3, 1)
    first = picture(explorer)
    assert first.startswith(PNG) and "block 0 after epoch 0" in words(explorer)
    layers.value = 1
    assert picture(explorer) != first
    epochs.value = 3
    epochs.value = 0
    assert asked == [(0, "to be or"), (3, "to be or")]


def test_snapshots_that_do_not_fit_are_refused_in_a_sentence() -> None:
    explorer = widgets.snapshot_explorer("to be", lambda epoch, text: (np.eye(3), ["to", "be"]), 2)
    assert "2 tokens need (layers, 2, 2)" in words(explorer)
