"""Figures for the notebooks. Each function returns a figure, which a cell's last line shows."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

VISIBLE = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def next_characters(probabilities: np.ndarray, text: str, vocabulary: str, top: int = 8) -> Figure:
    """What a model expected at each step, and what came.

    probabilities: (T, V), row t the distribution over the vocabulary before text[t] was read.
    text: the T characters that came. Each column lists the top likeliest characters, the likeliest
    uppermost; a frame marks the one that came. Raises ValueError when the shapes do not fit.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.shape != (len(text), len(vocabulary)):
        raise ValueError(
            f"probabilities has shape {probabilities.shape}; {len(text)} characters and a"
            f" vocabulary of {len(vocabulary)} need ({len(text)}, {len(vocabulary)})."
        )
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]  # (T, top)
    ranks = likeliest.shape[1]
    heights = np.take_along_axis(probabilities, likeliest, axis=1)  # (T, top)

    figure, axes = _figure(max(4.0, 1.5 + 0.32 * len(text)), 1.2 + 0.32 * ranks)
    image = axes.imshow(heights.T, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for step, rank in np.ndindex(*likeliest.shape):
        character = vocabulary[likeliest[step, rank]]
        colour = "white" if heights[step, rank] > 0.5 else "black"
        axes.text(step, rank, _visible(character), ha="center", va="center", color=colour)
        if character == text[step]:
            axes.add_patch(Rectangle((step - 0.5, rank - 0.5), 1, 1, fill=False, edgecolor="C1"))
    axes.set_xticks(range(len(text)), [_visible(character) for character in text])
    axes.set_yticks(range(ranks), [str(rank + 1) for rank in range(ranks)])
    axes.set_xlabel("the character that came")
    axes.set_ylabel("rank")
    figure.colorbar(image, ax=axes, label="probability")
    return figure


def hidden_unit(states: np.ndarray, text: str, unit: int, width: int = 60) -> Figure:
    """The text, each character on the colour of one hidden unit's value after it was read.

    states: (T, H), between -1 and 1; text: the T characters read; unit: from 0 to H - 1.
    """
    values = np.asarray(states)[:, unit]
    if len(values) != len(text):
        raise ValueError(f"There are {len(values)} states for {len(text)} characters.")
    rows = -(-len(text) // width)
    grid = np.full(rows * width, np.nan)
    grid[: len(text)] = values

    figure, axes = _figure(1.5 + 0.16 * width, 1.0 + 0.28 * rows)
    image = axes.imshow(
        grid.reshape(rows, width), cmap="coolwarm", vmin=-1.0, vmax=1.0, aspect="auto"
    )
    for position, character in enumerate(text):
        row, column = divmod(position, width)
        axes.text(column, row, _visible(character), ha="center", va="center", family="monospace")
    axes.set_yticks(range(rows), [str(row * width) for row in range(rows)])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("character in the line")
    axes.set_ylabel("position of the line")
    figure.colorbar(image, ax=axes, label=f"value of unit {unit}")
    return figure


def losses(curves: Mapping[str, Sequence[float]], ylabel: str = "loss (nats)") -> Figure:
    """Losses after each epoch, a curve a name: {"training": [...], "held out": [...]}."""
    figure, axes = _figure(6.0, 3.5)
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    _finish(axes)
    return figure


def perplexities(
    prompt_lengths: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    baselines: Mapping[str, float] | None = None,
) -> Figure:
    """Perplexity against the length of the prompt: a curve a model, a dashed line a baseline."""
    figure, axes = _figure(6.0, 3.5)
    for name, values in curves.items():
        axes.plot(prompt_lengths, values, marker="o", label=name)
    for number, (name, value) in enumerate((baselines or {}).items(), start=len(curves)):
        axes.axhline(value, linestyle="--", color=f"C{number}", label=name)
    axes.set_xlabel("length of the prompt (characters)")
    axes.set_ylabel("perplexity per character")
    _finish(axes)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure that pyplot forgets, so that a notebook shows it once: as the value of its cell."""
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    plt.close(figure)
    return figure, axes


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.legend()


def _visible(character: str) -> str:
    return VISIBLE.get(character, character)
