import html
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from lmlib import plots

plt.switch_backend("Agg")


def test_next_characters_marks_what_came() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    figure = plots.next_characters(probabilities, "ba", "ab ", top=2)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "␣", "b"]
    frames = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert frames == [(-0.5, 0.5)]  # 'b' was second at step 0; 'a' was not among two at step 1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["b", "a"]
    assert axes.get_xlabel() and axes.get_ylabel()
    figure.canvas.draw()


def test_next_characters_names_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 2\); 2 characters .* need \(2, 3\)"):
        plots.next_characters(np.zeros((3, 2)), "ba", "ab ")


def test_hidden_unit_wraps_the_text() -> None:
    states = np.linspace(-1, 1, 14).reshape(7, 2)
    figure = plots.hidden_unit(states, "to be\n!", unit=1, width=4)
    axes = figure.axes[0]
    grid = axes.images[0].get_array()
    assert grid is not None and grid.shape == (2, 4)
    assert np.allclose(grid.filled(9).ravel(), [*states[:, 1], 9])
    assert "".join(text.get_text() for text in axes.texts) == "to␣be⏎!"
    figure.canvas.draw()
    with pytest.raises(ValueError, match="7 states for 3 characters"):
        plots.hidden_unit(states, "abc", unit=1)


def test_curves_differ_by_more_than_their_colour() -> None:
    values = {name: ([0, 1], [2.0, 1.0]) for name in "abcde"}
    for figure in (
        plots.curves(values, "x", "y"),
        plots.loss_curves(values),
        plots.losses({name: [2.0, 1.0] for name in "abcde"}),
        plots.perplexities([0, 1], {name: [2.0, 1.0] for name in "abcde"}, {"bigram": 3.0}),
    ):
        strokes = [str(line._unscaled_dash_pattern) for line in figure.axes[0].lines]  # type: ignore[attr-defined]
        assert len(set(strokes)) == len(strokes)


def test_letters_can_be_read_on_any_colour() -> None:
    values = np.linspace(-1, 1, 60)
    chances = np.linspace(0, 1, 60)
    for figure in (
        plots.hidden_unit(values[:, None], 60 * "a", unit=0),
        plots.next_characters(np.stack([chances, 1 - chances], axis=1), 60 * "a", "ab"),
    ):
        axes = figure.axes[0]
        for letter in axes.texts:
            column, row = letter.get_position()
            ground = axes.images[0].to_rgba(axes.images[0].get_array()[int(row), int(column)])
            light, dark = sorted(map(luminance, (ground, to_rgb(letter.get_color()))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: Sequence[float]) -> float:
    """How light a colour is, from 0 to 1, by the rule of WCAG."""
    parts = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in colour[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


def test_losses_and_perplexities_are_labelled() -> None:
    losses = plots.losses({"training": [3, 2, 1], "held out": [3, 2.5, 2.4]}).axes[0]
    assert [line.get_label() for line in losses.lines] == ["training", "held out"]
    assert list(losses.lines[0].get_xdata()) == [1, 2, 3]
    axes = plots.perplexities([10, 500], {"RNN": [5.4, 5.1]}, {"bigram counts": 10.7}).axes[0]
    assert [line.get_label() for line in axes.lines] == ["RNN", "bigram counts"]
    for each in (losses, axes):
        assert each.get_xlabel() and each.get_ylabel() and each.get_legend()


def test_no_figure_stays_open() -> None:
    plots.losses({"training": [1.0]})
    assert plt.get_fignums() == []


def test_attention_map_names_rows_and_columns() -> None:
    weights = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.5, 0.2, 0.3]])
    figure = plots.attention_map(weights, ["To", " $be", "\n$"], "layer 1, head 2")
    axes = figure.axes[0]
    seen = axes.images[0].get_array()
    assert seen is not None and np.array_equal(seen.mask, weights == 0)
    assert np.array_equal(seen.filled(0), weights)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["To", "␣$be", "⏎$"]
    assert "key" in axes.get_xlabel() and "query" in axes.get_ylabel()
    assert axes.get_title() == "layer 1, head 2"
    assert figure.get_label() == (
        "layer 1, head 2: the last token, “⏎$”, looks most at “To” (weight 0.50)."
    )
    figure.canvas.draw()


@pytest.mark.parametrize("length", [1, 2, 30])
def test_attention_map_has_room_for_its_words(length: int) -> None:
    figure = plots.attention_map(np.eye(length), [" parliament"] * length)
    figure.canvas.draw()
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.y0 >= 0
    assert np.all(np.array([box.x1, box.y1]) <= figure.get_size_inches())


@pytest.mark.parametrize(("shape", "pieces"), [((2, 3), "ab"), ((2, 2, 2), "ab"), ((0, 0), "")])
def test_attention_map_names_shapes_that_do_not_fit(shape: tuple[int, ...], pieces: str) -> None:
    with pytest.raises(ValueError, match=rf"shape \({shape[0]}, .*; {len(pieces)} tokens need"):
        plots.attention_map(np.zeros(shape), pieces)


def test_next_tokens_shows_the_likeliest_and_the_rest() -> None:
    figure = plots.next_tokens(np.array([0.125, 0.5, 0.125, 0.25]), ["a", " b", "$", "\n"], top=2)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["␣b", "⏎", "2 others"]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.25, 0.25]
    assert [text.get_text() for text in axes.texts] == ["50.0%", "25.0%", "25.0%"]
    assert "3.4 equally likely" in axes.get_title()  # 2 to the power of 1.75 bits
    assert axes.get_xlim() == (0.0, 1.1) and axes.get_xlabel()
    figure.canvas.draw()
    assert len(plots.next_tokens(np.array([1.0, 0.0]), ["a", "b"]).axes[0].patches) == 2


@pytest.mark.parametrize(
    ("probabilities", "sentence"),
    [
        ([0.5, 0.25, 0.25], r"shape \(3,\); 2 tokens need \(2,\)"),
        ([0.5, 0.7], "their sum 1.2"),
        ([1.5, -0.5], "the least of these is -0.5"),
        ([np.nan, 1.0], "nan"),
    ],
)
def test_next_tokens_wants_probabilities(probabilities: list[float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        plots.next_tokens(np.array(probabilities), ["a", "b"])


def test_a_figure_says_below_its_picture_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, bundles = InteractiveShell(), []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw, metadata=None: bundles.append((data, metadata))
    )
    shell.display_formatter.format(plots.losses({"training": [3, 2, 1], "<held out>": [3, 2.5]}))
    (picture, metadata), (words, _) = bundles
    sentence = (
        "loss (nats) over the epochs: training from 3.00 to 1.00, <held out> from 3.00 to 2.50."
    )
    assert picture["image/png"].startswith("iVBOR") and metadata["image/png"]["alt"] == sentence
    assert picture["text/plain"] == words["text/plain"] == sentence
    assert words["text/html"] == f"<div>{html.escape(sentence)}</div>"


def test_every_figure_has_a_sentence() -> None:
    states = np.linspace(-1, 1, 14).reshape(7, 2)
    for figure, words in (
        (plots.hidden_unit(states, "to be\n!", unit=1), "highest (1.00) after character 6, “!”"),
        (plots.next_characters(np.array([[0.7, 0.3]] * 2), "ba", "ab"), "at 1 of 2 steps"),
        (plots.perplexities([1, 9], {"RNN": [5, 4]}), "RNN from 5.00 to 4.00"),
    ):
        assert words in str(figure.get_label())


def test_error_bars_show_mean_spread_and_every_run() -> None:
    figure = plots.error_bars({"baseline": [1.8, 1.9, 2.0], "mine": [1.7]})
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["baseline", "mine"]
    assert axes.get_ylabel() == "test loss (nats per token)"
    dots = [line for line in axes.lines if line.get_marker() == "."]
    assert [list(line.get_ydata()) for line in dots] == [[1.8, 1.9, 2.0], [1.7]]
    [bar] = [segments for bar in axes.collections if len(segments := bar.get_segments())]  # type: ignore[attr-defined]
    assert np.allclose(bar[0][:, 1], [1.8, 2.0])
    assert "baseline 1.900 ± 0.100, mine 1.700." in str(figure.get_label())


def test_loss_curves_share_a_figure() -> None:
    curves = {"bigram": ([0, 500], [4.7, 2.5]), "embeddings": ([0, 250, 500], [4.2, 2.6, 2.49])}
    figure = plots.loss_curves(curves, blind=4.16)
    axes = figure.axes[0]
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["bigram: 2.50", "embeddings: 2.49", "guessing blindly: 4.16"]
    alone = plots.loss_curves({"bigram": curves["bigram"]}).axes[0]
    assert alone.lines[0].get_color() == axes.lines[0].get_color()
    assert axes.get_xlabel() == "training steps" and axes.get_ylabel()
    assert str(figure.get_label()).startswith("Held-out loss (nats per token) against training s")
    assert "bigram from 4.70 to 2.50" in str(figure.get_label())
    assert plots.loss_curves(curves, xlabel="seconds").axes[0].get_xlabel() == "seconds"


def test_attention_maps_show_a_map_a_head() -> None:
    heads = [np.tri(4) / np.tri(4).sum(axis=1, keepdims=True), np.eye(4)] * 2
    figure = plots.attention_maps(heads, ["a", " ", "$", "\n"])
    shown = [axes.get_title() for axes in figure.axes if axes.images]
    assert shown == ["head 1", "head 2", "head 3", "head 4"]
    alike, last = "at 4 tokens alike", "most at “⏎”"
    told = f"{alike} (head 1), {last} (head 2), {alike} (head 3), {last} (head 4)."
    assert told in str(figure.get_label())
    figure.canvas.draw()
    with pytest.raises(ValueError, match=r"shape \(4, 4\); 3 tokens need \(3, 3\)"):
        plots.attention_maps(heads, "abc")
    with pytest.raises(ValueError, match="no attention weights"):
        plots.attention_maps([], "abc")


def test_pairs_and_points_name_their_tokens() -> None:
    shares = np.array([[0.1, 0.9], [0.5, 0.5]])
    figure = plots.pairs(shares, ["q", "\n"])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["q", "⏎"]
    assert "after “q” comes “⏎” in 90%" in str(figure.get_label())
    figure.canvas.draw()
    with pytest.raises(ValueError, match="2 tokens need"):
        plots.pairs(np.zeros((3, 3)), "ab")
    axes = plots.points(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), "ab ").axes[0]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "␣"]
    assert len({text.get_color() for text in axes.texts}) == 3
    assert axes.get_xlim()[0] < 0 and axes.get_xlim()[1] > 4
    with pytest.raises(ValueError, match="3 tokens need"):
        plots.points(np.zeros((2, 2)), "abc")


def test_ends_of_curves_are_read_aloud_without_powers_where_they_can_be() -> None:
    figure = plots.curves(
        {"plays": ([1, 2], [3.62, 99.996]), "all": ([1, 2], [0, 12_345])}, "x", "y"
    )
    assert str(figure.get_label()) == "Y against x: plays from 3.6 to 100, all from 0 to 12,345."


def test_curves_may_have_a_logarithmic_axis() -> None:
    figure = plots.curves({"RNN": ([0, 1, 2], [1e-2, 1e-4, 1e-7])}, "distance", "norm", log=True)
    axes = figure.axes[0]
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "distance"
    assert str(figure.get_label()) == "Norm against distance: RNN from 0.01 to 1e-07."
    assert plots.curves({"a": ([0], [1.0])}, "x", "y").axes[0].get_yscale() == "linear"


def test_the_step_of_a_gru_is_drawn_as_bars_for_both_units() -> None:
    parts = {"input": np.array([0.8, 1.0]), "reset r": np.array([0.25, 0.5])}
    figure = plots.gru_step(parts)
    axes = figure.axes[0]
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert heights == [[0.8, 0.25], [1.0, 0.5]] and list(axes.get_yticks()) == [-2, -1, 0, 1, 2]
    assert str(figure.get_label()) == "Data unit: input 0.80, reset r 0.25."
