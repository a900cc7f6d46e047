import matplotlib.pyplot as plt
import numpy as np
import pytest
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
