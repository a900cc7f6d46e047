"""Figures for the notebooks. Each function returns a figure, which a cell's last line shows.

The figure's label is a sentence that says what it shows, for readers who cannot see it; the
notebook shows it below the picture.
"""

import html
from collections.abc import Mapping, Sequence

import IPython.display
import matplotlib.pyplot as plt
import numpy as np
from IPython.core.pylabtools import print_figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})
STROKES = ("-", "-.", ":", (0, (8, 1)), (0, (3, 1, 1, 1, 1, 1)))  # dashed lines are baselines


def visible(text: str) -> str:
    """The text with a visible symbol for each space, line break and tab."""
    return text.translate(VISIBLE)


def next_characters(probabilities: np.ndarray, text: str, vocabulary: str, top: int = 8) -> Figure:
    """What a model predicted at each step, and what came.

    probabilities: (T, V), row t is the distribution over the vocabulary before text[t] was read.
    text: the T characters that came. Each column lists the `top` likeliest characters, the
    likeliest on top; a frame marks the one that came. Raises ValueError if the shapes do not fit.
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
        ink = _ink_on(np.array(image.to_rgba(heights[step, rank])))
        axes.text(step, rank, visible(character), ha="center", va="center", color=ink)
        if character == text[step]:
            axes.add_patch(Rectangle((step - 0.5, rank - 0.5), 1, 1, fill=False, edgecolor="C1"))
    axes.set_xticks(range(len(text)), [visible(character) for character in text])
    axes.set_yticks(range(ranks), [str(rank + 1) for rank in range(ranks)])
    axes.set_xlabel("the character that came")
    axes.set_ylabel("rank")
    figure.colorbar(image, ax=axes, label="probability")
    hits = sum(vocabulary[best] == came for best, came in zip(likeliest[:, 0], text, strict=True))
    figure.set_label(f"The likeliest character came at {hits} of {len(text)} steps.")
    return figure


def hidden_unit(states: np.ndarray, text: str, unit: int, width: int = 60) -> Figure:
    """The text, with each character colored by the value of one hidden unit after it was read.

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
        ink = _ink_on(np.array(image.to_rgba(values[position])))
        axes.text(
            column, row, visible(character),
            ha="center", va="center", family="monospace", color=ink,
        )  # fmt: skip
    axes.set_yticks(range(rows), [str(row * width) for row in range(rows)])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("character in the line")
    axes.set_ylabel("position of the line")
    figure.colorbar(image, ax=axes, label=f"value of unit {unit}")
    low, high = int(np.argmin(values)), int(np.argmax(values))
    figure.set_label(
        f"Unit {unit} is highest ({values[high]:.2f}) after character {high},"
        f" “{visible(text[high])}”, and lowest ({values[low]:.2f}) after character {low},"
        f" “{visible(text[low])}”."
    )
    return figure


def losses(curves: Mapping[str, Sequence[float]], ylabel: str = "loss (nats)") -> Figure:
    """Losses after each epoch, one curve per name: {"training": [...], "held out": [...]}."""
    figure, axes = _figure(6.0, 3.5)
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    _finish(axes)
    figure.set_label(f"{ylabel} over the epochs: {_courses(curves)}.")
    return figure


def loss_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    blind: float | None = None,
    xlabel: str = "training steps",
    ylabel: str = "held-out loss (nats per token)",
) -> Figure:
    """Loss curves: {"bigram": (steps, losses in nats per token), ...}.

    A model keeps its color when others are added.  blind: the loss of a uniform guess, shown as a
    dashed line.  xlabel: the positions of the curves, with their unit.
    """
    figure, axes = _figure(6.5, 4.0)
    for name, (positions, values) in curves.items():
        axes.plot(positions, values, marker=".", label=f"{name}: {values[-1]:.2f}")
    if blind is not None:
        axes.axhline(blind, linestyle="--", color="grey", label=f"guessing blindly: {blind:.2f}")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    _finish(axes)
    courses = _courses({name: values for name, (_, values) in curves.items()})
    figure.set_label(f"{ylabel[:1].upper()}{ylabel[1:]} against {xlabel}: {courses}.")
    return figure


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    log: bool = False,
) -> Figure:
    """Curves in one figure: name → (positions, values).  log: a logarithmic value axis."""
    figure, axes = _figure(6.5, 4.0)
    for name, (positions, values) in lines.items():
        axes.plot(positions, values, label=name)
    if log:
        axes.set_yscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    _finish(axes)
    ends = ", ".join(
        f"{name} from {_number(values[0])} to {_number(values[-1])}"
        for name, (_, values) in lines.items()
    )
    figure.set_label(f"{ylabel[:1].upper()}{ylabel[1:]} against {xlabel}: {ends}.")
    return figure


def error_bars(
    values: Mapping[str, Sequence[float]], ylabel: str = "test loss (nats per token)"
) -> Figure:
    """The mean of each sequence with its standard deviation as a bar, and each value as a dot.

    values: {"baseline": [1.81, 1.79, 1.82], ...}, at least one each; a single value has no bar.
    """
    figure, axes = _figure(2.5 + 1.1 * len(values), 3.8)
    told = []
    for place, (name, given) in enumerate(values.items()):
        mean, several = float(np.mean(given)), len(given) > 1
        spread = float(np.std(given, ddof=1)) if several else 0.0
        beside = place + 0.12 + 0.03 * np.arange(len(given))
        axes.errorbar(place, mean, spread if several else None, fmt="o", capsize=6, color="C0")
        axes.plot(beside, given, ".", color="0.6")
        told.append(f"{name} {mean:.3f}" + (f" ± {spread:.3f}" if several else ""))
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xticks(range(len(values)), list(values))
    axes.set_ylabel(ylabel)
    axes.set_title("mean ± standard deviation; dots: single runs", fontsize=9)
    axes.grid(axis="y", alpha=0.3)
    figure.set_label(f"{ylabel[:1].upper()}{ylabel[1:]}, mean and spread: {', '.join(told)}.")
    return figure


def perplexities(
    prompt_lengths: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    baselines: Mapping[str, float] | None = None,
) -> Figure:
    """Perplexity against prompt length: a curve per model, a dashed line per baseline."""
    figure, axes = _figure(6.0, 3.5)
    for name, values in curves.items():
        axes.plot(prompt_lengths, values, marker="o", label=name)
    for number, (name, value) in enumerate((baselines or {}).items(), start=len(curves)):
        axes.axhline(value, linestyle="--", color=f"C{number}", label=name)
    axes.set_xlabel("length of the prompt (characters)")
    axes.set_ylabel("perplexity per character")
    _finish(axes)
    figure.set_label(f"Perplexity, from short prompts to long ones: {_courses(curves)}.")
    return figure


def attention_map(weights: np.ndarray, pieces: Sequence[str], title: str = "") -> Figure:
    """Which token attends to which: one row per query, one column per key.

    weights: (T, T), row t is the attention of token t, between 0 and 1; exact zeros stay white.
    pieces: the T tokens as text. Raises ValueError if the shapes do not fit.
    """
    weights = np.asarray(weights)
    length = len(pieces)
    if not length or weights.shape != (length, length):
        raise ValueError(
            f"weights has shape {weights.shape}; {length} tokens need ({length}, {length})."
        )
    tokens = [visible(piece) for piece in pieces]
    side, margin = max(2.0, 0.24 * length), 0.5 + _width(tokens)

    figure, axes = _figure_around(side, side, left=margin, bottom=margin, right=1.0, top=0.4)
    beside = axes.inset_axes((1.0 + 0.15 / side, 0.0, 0.15 / side, 1.0))
    seen = np.ma.masked_equal(weights, 0.0)
    image = axes.imshow(seen, cmap="YlGnBu", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(length), tokens, rotation=90, parse_math=False)
    axes.set_yticks(range(length), tokens, parse_math=False)
    axes.tick_params(length=0)
    axes.set_xlabel("key: the token looked at")
    axes.set_ylabel("query: the token that looks")
    axes.set_title(title)
    figure.colorbar(image, cax=beside, label="attention weight")
    figure.set_label(
        f"{title + ': ' if title else ''}the last token, “{tokens[-1]}”, looks"
        f" {_most(weights[-1], tokens)} (weight {weights[-1].max():.2f})."
    )
    return figure


def attention_maps(
    weights: Sequence[np.ndarray], pieces: Sequence[str], titles: Sequence[str] = ()
) -> Figure:
    """Attention maps of several heads, side by side, each like that of `attention_map`.

    weights: a matrix (T, T) per head, row t is the attention of token t.
    pieces: the T tokens as text.
    titles: the title of each map; by default "head 1", "head 2", …
    Raises ValueError if there are no heads or a matrix does not fit the text.
    """
    length = len(pieces)
    if not len(weights):
        raise ValueError("There are no attention weights to draw.")
    for head in weights:
        if np.shape(head) != (length, length):
            raise ValueError(
                f"weights has shape {np.shape(head)}; {length} tokens need ({length}, {length})."
            )
    tokens = [visible(piece) for piece in pieces]
    titles = titles or [f"head {number}" for number in range(1, len(weights) + 1)]
    columns = min(3, len(weights))
    rows = -(-len(weights) // columns)
    side = max(2.6, 0.6 + 0.15 * length)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(columns * side, rows * side),
        layout="constrained",
        squeeze=False,
        FigureClass=_DescribedFigure,
    )
    plt.close(figure)
    for number, axes in enumerate(grid.flat, start=1):
        if number > len(weights):
            axes.axis("off")
            continue
        seen = np.ma.masked_equal(weights[number - 1], 0.0)
        image = axes.imshow(seen, cmap="YlGnBu", vmin=0.0, vmax=1.0)
        axes.set_xticks(range(length), tokens, fontsize=7, rotation=90, parse_math=False)
        axes.set_yticks(range(length), tokens, fontsize=7, parse_math=False)
        axes.tick_params(length=0)
        axes.set_title(titles[number - 1], fontsize=9)
    figure.supxlabel("key: the token looked at", fontsize=9)
    figure.supylabel("query: the token that looks", fontsize=9)
    figure.colorbar(image, ax=grid, label="attention weight", shrink=0.7)
    likes = [_most(np.asarray(head)[-1], tokens) for head in weights]
    figure.set_label(
        f"The last token, “{tokens[-1]}”, looks "
        + ", ".join(f"{most} ({title})" for most, title in zip(likes, titles, strict=True))
        + "."
    )
    return figure


def _most(weights: np.ndarray, tokens: Sequence[str]) -> str:
    """Where the largest of the weights (T,) are: at one token, or at several alike."""
    largest = np.flatnonzero(np.isclose(weights, weights.max()))
    if len(largest) > 1:
        return f"at {len(largest)} tokens alike"
    return f"most at “{tokens[largest[0]]}”"


def pairs(shares: np.ndarray, vocabulary: Sequence[str]) -> Figure:
    """Which token follows which: shares (V, V), row i for what follows vocabulary[i]."""
    V = len(vocabulary)
    if np.shape(shares) != (V, V):
        raise ValueError(f"shares has shape {np.shape(shares)}; {V} tokens need ({V}, {V}).")
    figure, axes = _figure(7.5, 6.5)
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    labels = [visible(token) for token in vocabulary]
    axes.set_xticks(range(V), labels, fontsize=6, parse_math=False)
    axes.set_yticks(range(V), labels, fontsize=6, parse_math=False)
    axes.set_xlabel("the token that follows")
    axes.set_ylabel("the token before")
    figure.colorbar(image, ax=axes, label="share", shrink=0.8)
    before, after = np.unravel_index(int(np.argmax(shares)), (V, V))
    figure.set_label(
        f"The surest pair: after “{labels[before]}” comes “{labels[after]}” in"
        f" {shares[before, after]:.0%} of all places."
    )
    return figure


def points(coordinates: np.ndarray, vocabulary: Sequence[str]) -> Figure:
    """Tokens in a plane, colored by kind (vowel, consonant, other): coordinates (V, 2)."""
    coordinates = np.asarray(coordinates)
    if coordinates.shape != (len(vocabulary), 2):
        raise ValueError(
            f"coordinates has shape {coordinates.shape}; {len(vocabulary)} tokens need"
            f" ({len(vocabulary)}, 2)."
        )
    figure, axes = _figure(6.0, 5.0)
    for token, (x, y) in zip(vocabulary, coordinates, strict=True):
        colour = "C3" if token in set("aeiouAEIOU") else "C0" if token.isalpha() else "C7"
        axes.text(x, y, visible(token), ha="center", va="center", color=colour, parse_math=False)
    axes.update_datalim(coordinates)
    axes.autoscale_view()
    axes.set_xlabel("first principal direction")
    axes.set_ylabel("second principal direction")
    figure.set_label("Tokens in the plane of the two directions in which they differ most.")
    return figure


def gru_step(parts: Mapping[str, np.ndarray]) -> Figure:
    """The parts of one step of a small GRU, as bars.

    parts: name → (2,), the values of the data unit and of the control unit, in the order in which
    they are shown: input, previous state, gates, new state.  The axis goes from -2 to 2.
    """
    figure, axes = _figure_around(5.5, 2.8, left=0.7, bottom=0.5, right=0.2, top=0.35)
    places = np.arange(len(parts))
    values = np.array([np.asarray(part, dtype=float) for part in parts.values()])  # (parts, 2)
    for unit, name in enumerate(("data", "control")):
        bars = axes.bar(places + 0.4 * unit - 0.2, values[:, unit], 0.38, label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_ylim(-2.3, 2.3)  # room for the numbers next to bars of 2 and -2
    axes.set_yticks(range(-2, 3))
    axes.set_xticks(places, list(parts))
    axes.set_ylabel("value")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8, frameon=False)
    told = [f"{name} {value:.2f}" for name, value in zip(parts, values[:, 0], strict=True)]
    figure.set_label(f"Data unit: {', '.join(told)}.")
    return figure


def next_tokens(probabilities: np.ndarray, pieces: Sequence[str], top: int = 15) -> Figure:
    """A bar for each of the `top` likeliest next tokens, and one for all others together.

    probabilities: (V,), at least 0, with sum 1; pieces: the V tokens as text. The title shows the
    exponential of the entropy: the number of equally likely tokens with the same uncertainty.
    Raises ValueError if the shapes do not fit or the numbers are not probabilities.
    """
    probabilities = np.asarray(probabilities)
    if not len(pieces) or probabilities.shape != (len(pieces),):
        raise ValueError(
            f"probabilities has shape {probabilities.shape}; {len(pieces)} tokens need"
            f" ({len(pieces)},)."
        )
    if not (probabilities.min() >= 0.0 and abs(probabilities.sum() - 1.0) < 1e-3):
        raise ValueError(
            f"Probabilities are at least 0 and sum to 1; the least of these is"
            f" {probabilities.min():.3g}, their sum {probabilities.sum():.3g}."
        )
    likeliest = np.argsort(-probabilities, kind="stable")[:top]
    tokens = [visible(pieces[token]) for token in likeliest]
    heights = [*probabilities[likeliest]]
    possible = probabilities[probabilities > 0.0]
    choices = float(np.exp(-np.sum(possible * np.log(possible))))
    rest = len(pieces) - len(likeliest)
    if rest:
        tokens.append(f"{rest} others")
        heights.append(max(0.0, 1.0 - sum(heights)))

    figure, axes = _figure_around(
        5.0, 0.24 * len(tokens), left=0.2 + _width(tokens), bottom=0.6, right=0.2, top=0.4
    )
    bars = axes.barh(range(len(tokens)), heights, color=["C0"] * len(likeliest) + ["0.7"])
    axes.bar_label(bars, [f"{height:.1%}" for height in heights], padding=3)
    axes.set_yticks(range(len(tokens)), tokens, parse_math=False)
    axes.set_ylim(len(tokens) - 0.5, -0.5)  # the likeliest at the top
    axes.set_xlim(0.0, 1.1)
    axes.set_xticks(np.linspace(0.0, 1.0, 6))
    axes.set_xlabel("probability of being the next token")
    axes.set_title(f"as open as a choice among {choices:.1f} equally likely tokens")
    figure.set_label(
        f"The likeliest next token is “{tokens[0]}” ({heights[0]:.1%}); the choice is as open as"
        f" one among {choices:.1f} equally likely tokens."
    )
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure closed in pyplot, so that a notebook shows it once, as the value of its cell."""
    figure, axes = plt.subplots(
        figsize=(width, height), layout="constrained", FigureClass=_DescribedFigure
    )
    plt.close(figure)
    colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    strokes = [STROKES[number % len(STROKES)] for number in range(len(colours))]
    axes.set_prop_cycle(color=colours, linestyle=strokes)  # color is not the only difference
    return figure, axes


def _figure_around(
    width: float, height: float, left: float, bottom: float, right: float, top: float
) -> tuple[Figure, Axes]:
    """A figure around axes of the given size, all in inches.

    It is for figures under a slider: a constrained layout takes longer than drawing them.
    """
    whole = (left + width + right, bottom + height + top)
    figure, axes = plt.subplots(figsize=whole, FigureClass=_DescribedFigure)
    plt.close(figure)
    axes.set_position((left / whole[0], bottom / whole[1], width / whole[0], height / whole[1]))
    return figure, axes


def _width(words: Sequence[str]) -> float:
    """The approximate width of the longest word in a figure, in inches."""
    return 0.1 * max(len(word) for word in words)


def _ink_on(colour: np.ndarray) -> str:
    """Black or white, whichever is readable on this color: (4,), from 0 to 1, opacity last."""
    linear = np.power(colour[:3], 2.2)  # approximately how bright a screen shows them
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if luminance > 0.18 else "white"


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:  # none if nothing is trained yet
        axes.legend()


def _courses(curves: Mapping[str, Sequence[float]]) -> str:
    """The first and the last value of each curve, in words."""
    return ", ".join(
        f"{name} from {values[0]:.2f} to {values[-1]:.2f}"
        for name, values in curves.items()
        if len(values)
    )


def _number(value: float) -> str:
    """A number of any size with two digits, in a form that can be read aloud."""
    return f"{value:,.0f}" if 10 <= abs(value) < 1e7 else f"{value:.2g}"


class _DescribedFigure(Figure):
    """A figure with its label below the picture, or in place of it if pictures are not shown."""

    def _ipython_display_(self) -> None:
        """Show the picture and then the sentence: JupyterLab ignores alt text."""
        sentence = str(self.get_label())
        picture = {"image/png": print_figure(self, base64=True), "text/plain": sentence}
        words = {"text/html": f"<div>{html.escape(sentence)}</div>", "text/plain": sentence}
        alternative = {"image/png": {"alt": sentence}}
        IPython.display.display(picture, metadata=alternative, raw=True)
        IPython.display.display(words, raw=True)
