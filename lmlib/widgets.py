"""Interactive figures: the plots of lmlib.plots under sliders, and colored tokens.

Each function takes arrays, or a function from the notebook that computes them, and returns what a
cell's last line shows. Nothing here runs a model itself.
"""

import html
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lmlib import checks, plots

PALETTE = ("#cfe3f5", "#fbe3b6", "#d3ecca", "#f6d1d4", "#e3d9f2")
TOKEN = (  # black on pale colors in any theme; the border also separates neighbors
    "display: inline-block; margin: 1px; padding: 1px 3px; text-align: center; color: #000000;"
    " border: 1px solid #767676; border-radius: 3px"
)
FRAME = "border: 2px solid #b35900; background-color: #fbe3b6; font-weight: bold"


class Explorer(ipywidgets.VBox):
    """Controls above a figure, and a sentence that says what the figure shows.

    draw: called with the value of each control, in order, whenever one of them changes; returns the
    figure, or colored tokens. If it cannot, because an exercise is not written yet or a setting
    does not fit, the reason is shown instead. Viewers without widgets (GitHub, a page made by
    nbconvert) show the first drawing. columns: the number of columns of controls.
    played: the slider that a play button moves, one step every 0.7 seconds.
    """

    _ipython_display_ = None  # that of ipywidgets 7 would show the widget without a picture

    def __init__(
        self,
        draw: Callable[..., "Figure | ColouredTokens"],
        *controls: ipywidgets.Widget,
        columns: int = 1,
        played: ipywidgets.IntSlider | None = None,
    ):
        self._draw = draw
        self._controls = controls
        self._picture = ipywidgets.Image(format="png", layout={"align_self": "flex-start"})
        self._words = ipywidgets.HTML()
        self._text = ""  # alternative text of the picture or the tokens
        placed: list[ipywidgets.Widget] = list(controls)
        if columns > 1:
            beside = {"grid_template_columns": f"repeat({columns}, 26em)"}
            placed = [ipywidgets.GridBox(controls, layout=beside)]
        if played is not None:
            play = ipywidgets.Play(played.value, min=played.min, max=played.max, interval=700)
            ipywidgets.jslink((play, "value"), (played, "value"))
            placed.append(play)
        super().__init__([*placed, self._picture, self._words])
        for control in controls:
            control.layout.width = "40em" if columns == 1 else "25em"
            control.layout.max_width = "95%"
            control.style.description_width = "7em" if columns == 1 else "11em"
            control.observe(self._redraw, "value")
        self._redraw()

    def _redraw(self, _change: object = None) -> None:
        try:
            drawn = checks.call(self._draw, *(control.value for control in self._controls))
        except Exception as error:
            reason = _reason(error)
            self._show(b"", html.escape(reason), reason)
        else:
            if isinstance(drawn, ColouredTokens):
                self._show(b"", drawn._repr_html_(), repr(drawn))
            else:
                sentence = str(drawn.get_label())
                self._show(_png(drawn), html.escape(sentence), sentence)

    def _show(self, picture: bytes, words: str, text: str) -> None:
        self._picture.layout.display = None if picture else "none"
        self._picture.value = picture
        self._words.value = words
        self._text = text

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and its current content for viewers that cannot show widgets."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        bundle = {"application/vnd.jupyter.widget-view+json": view, "text/plain": self._text}
        if not self._picture.value:
            return {**bundle, "text/html": self._words.value}, {}
        bundle["image/png"] = b64encode(self._picture.value).decode("ascii")
        return bundle, {"image/png": {"alt": self._text}}


def hidden_units(states: np.ndarray, text: str, unit: int = 0) -> Explorer:
    """A slider through the hidden units, above the text colored by the chosen unit's value.

    states: (T, H), between -1 and 1, row t is the state after text[t] was read; text: the T
    characters; unit: the one shown first. Raises ValueError if the shapes do not fit or there is
    no such unit.
    """
    states = np.asarray(states)
    if states.ndim != 2 or len(states) != len(text):
        raise ValueError(
            f"states has shape {states.shape}; {len(text)} characters need ({len(text)}, H)."
        )
    if not 0 <= unit < states.shape[1]:
        raise ValueError(
            f"There is no unit {unit}: units are numbered from 0 to {states.shape[1] - 1}."
        )
    slider = ipywidgets.IntSlider(
        unit, 0, states.shape[1] - 1, description="unit", continuous_update=False
    )
    return Explorer(lambda unit: plots.hidden_unit(states, text, unit), slider)


def attention_explorer(
    sentence: str,
    attention_of: Callable[[str], tuple[np.ndarray, Sequence[str]]],
    layer: int = 0,
    head: int = 0,
) -> Explorer:
    """The attention map of a sentence that you type, with a slider for the layer and the head.

    attention_of(sentence) returns the weights, (L, H, T, T), and the T tokens as text; it is called
    once per sentence, however often the sliders move. layer and head: what is shown first.
    """
    box = ipywidgets.Text(sentence, description="sentence", continuous_update=False)
    layers = ipywidgets.IntSlider(layer, 0, max(layer, 0), description="layer")
    heads = ipywidgets.IntSlider(head, 0, max(head, 0), description="head")

    @lru_cache(maxsize=16)
    def attention(sentence: str) -> tuple[np.ndarray, Sequence[str]]:
        if not sentence.strip():
            raise ValueError("Type a sentence, then press Enter.")
        weights, pieces = attention_of(sentence)
        shape, length = np.shape(weights), len(pieces)
        if len(shape) != 4 or not all(shape) or shape[2:] != (length, length):
            raise ValueError(
                f"The weights have shape {shape}; {length} tokens need (layers, heads, {length},"
                f" {length})."
            )
        return np.asarray(weights), pieces

    def draw(sentence: str, layer: int, head: int) -> Figure:
        weights, pieces = attention(sentence)
        layers.max, heads.max = len(weights) - 1, len(weights[0]) - 1
        layer, head = min(layer, layers.max), min(head, heads.max)
        return plots.attention_map(weights[layer, head], pieces, f"layer {layer}, head {head}")

    return Explorer(draw, box, layers, heads)


def temperature_explorer(
    probabilities_at: Callable[[float], np.ndarray],
    pieces: Sequence[str],
    top: int = 15,
    temperature: float = 1.0,
) -> Explorer:
    """The likeliest next tokens, as bars that move with a slider for the temperature.

    probabilities_at(temperature) returns the distribution over the V tokens, (V,); pieces: the V
    tokens as text; top: how many of them get a bar; temperature: the initial one, from 0.1
    to 3.
    """
    slider = ipywidgets.FloatSlider(
        temperature, min=0.1, max=3.0, step=0.05, description="temperature"
    )
    return Explorer(
        lambda temperature: plots.next_tokens(probabilities_at(temperature), pieces, top), slider
    )


GRU_WEIGHTS = ("reset", "update", "new_input", "new_hidden")
"""The weights under the sliders of the GRU explorer, each for data and for control."""


def gru_explorer(
    step: Callable[[np.ndarray, np.ndarray, dict[str, tuple[float, float]]], Sequence[np.ndarray]],
    weights: Mapping[str, tuple[float, float]] | None = None,
) -> Explorer:
    """One step of a GRU with two units, data and control, under twelve sliders.

    step(x, h, weights) receives the input and the state, (2,) each, for data and control, and the
    weights of the data unit by name, as in GRU_WEIGHTS, each for data and for control.  It returns
    the new state, the reset gate, the update gate and the proposed state, (2,) each.  weights: the
    initial ones; weights that are not named are 0.
    """
    values = {"input": (0.8, 1.0), "state": (-0.5, 0.5)}
    first = values | {name: (0.0, 0.0) for name in GRU_WEIGHTS} | dict(weights or {})
    sliders = [
        ipywidgets.FloatSlider(
            value,
            min=-limit,
            max=limit,
            step=limit / 20,
            description=f"{name.replace('_', ' ')}, {unit}",
        )
        for name, pair in first.items()
        for value, unit, limit in zip(
            pair, ("data", "control"), (2.0, 2.0) if name in values else (10.0, 10.0), strict=True
        )
    ]

    def draw(*numbers: float) -> Figure:
        pairs = zip(first, zip(numbers[::2], numbers[1::2], strict=True), strict=True)
        given = dict(pairs)
        x, h = np.array(given.pop("input")), np.array(given.pop("state"))
        new, reset, update, proposed = step(x, h, given)
        return plots.gru_step(
            {
                "input": x,
                "state": h,
                "reset r": reset,
                "update z": update,
                "proposed n": proposed,
                "new state": new,
            }
        )

    return Explorer(draw, *sliders, columns=2)


def merge_player(
    sentence: str,
    tokens_after: Callable[[str, int], Sequence[str]],
    merges: Sequence[Sequence[str]],
) -> Explorer:
    """A byte-pair encoding, merge by merge: how a sentence that you type is split after each.

    tokens_after(sentence, n) returns the tokens of the sentence after the first n merges; merges:
    those to step through, pairs of tokens.  Tokens of several characters are colored, and those
    made by the last merge are framed.
    """
    box = ipywidgets.Text(sentence, description="sentence", continuous_update=False)
    done = ipywidgets.IntSlider(0, 0, len(merges), description="merges")

    def draw(sentence: str, done: int) -> ColouredTokens:
        if not sentence.strip():
            raise ValueError("Type a sentence, then press Enter.")
        tokens = tokens_after(sentence, done)
        before = _places(tokens_after(sentence, max(done - 1, 0)))
        made = [number for number, place in enumerate(_places(tokens)) if place not in before]
        colours = [PALETTE[0] if len(token) > 1 else "#ffffff" for token in tokens]
        caption = f"Characters only: {len(tokens)} tokens."
        if done:
            a, b = merges[done - 1]
            caption = (
                f"Merge {done}: “{plots.visible(a)}” and “{plots.visible(b)}” become"
                f" “{plots.visible(a + b)}”, {len(made)} times here; {len(tokens)} tokens are left."
            )
        return ColouredTokens(tokens, colours=colours, framed=made, caption=caption)

    return Explorer(draw, box, done, played=done)


def _places(tokens: Sequence[str]) -> list[tuple[int, int]]:
    """The start and the end of each token, in characters."""
    ends = np.cumsum([len(token) for token in tokens]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def snapshot_explorer(
    sentence: str,
    attention_at: Callable[[int, str], tuple[np.ndarray, Sequence[str]]],
    snapshots: int,
    layer: int = 0,
) -> Explorer:
    """How attention forms: its map after each epoch of training, as an animation.

    attention_at(epoch, sentence) returns the weights after that many epochs, (L, T, T), and the T
    tokens as text; it is called once for each epoch and sentence.  snapshots: their number,
    including the one before training; layer: the one shown first.
    """
    box = ipywidgets.Text(sentence, description="sentence", continuous_update=False)
    epochs = ipywidgets.IntSlider(0, 0, snapshots - 1, description="epoch")
    layers = ipywidgets.IntSlider(layer, 0, max(layer, 0), description="block")
    remembered = lru_cache(maxsize=256)(attention_at)

    def draw(sentence: str, epoch: int, layer: int) -> Figure:
        if not sentence.strip():
            raise ValueError("Type a sentence, then press Enter.")
        weights, pieces = remembered(epoch, sentence)
        shape, length = np.shape(weights), len(pieces)
        if len(shape) != 3 or not all(shape) or shape[1:] != (length, length):
            raise ValueError(
                f"The weights have shape {shape}; {length} tokens need (layers, {length},"
                f" {length})."
            )
        layers.max = len(weights) - 1
        layer = min(layer, layers.max)
        return plots.attention_map(weights[layer], pieces, f"block {layer} after epoch {epoch}")

    return Explorer(draw, box, epochs, layers, played=epochs)


class ColouredTokens:
    """The result of coloured_tokens: HTML if the front end shows it, otherwise text with bars."""

    def __init__(
        self,
        pieces: Sequence[str],
        ids: Sequence[int] | None = None,
        colours: Sequence[str] = PALETTE,  # used in turn, over and over
        framed: Collection[int] = (),  # numbers of tokens
        caption: str = "",
    ):
        self._pieces = pieces
        self._ids = ids
        self._colours = colours
        self._framed = framed
        self._caption = caption

    def __repr__(self) -> str:
        tokens = "|".join(plots.visible(piece) for piece in self._pieces)
        return f"{self._caption}\n{tokens}" if self._caption else tokens

    def _repr_html_(self) -> str:
        tokens = []
        for position, piece in enumerate(self._pieces):
            number = "" if self._ids is None else f"<br><small>{self._ids[position]}</small>"
            style = f"{TOKEN}; background-color: {self._colours[position % len(self._colours)]}"
            if position in self._framed:
                style += f"; {FRAME}"
            tokens.append(
                f'<span style="{style}">{html.escape(plots.visible(piece))}{number}</span>'
            )
            tokens.append("<br>" * piece.count("\n"))
        caption = f"<p>{html.escape(self._caption)}</p>" if self._caption else ""
        return f'{caption}<div style="font-family: monospace">{"".join(tokens)}</div>'


def coloured_tokens(pieces: Sequence[str], ids: Sequence[int] | None = None) -> ColouredTokens:
    """A text split into tokens, each in a colored box, with its id below it if ids are given.

    pieces: the T tokens as text; ids: their T ids. Raises ValueError if the lengths differ.
    """
    if ids is not None and len(ids) != len(pieces):
        raise ValueError(f"There are {len(ids)} ids for {len(pieces)} tokens.")
    return ColouredTokens(pieces, ids)


def _reason(error: Exception) -> str:
    """A sentence that says why there is no figure."""
    if isinstance(error, checks.NotSolvedYet | checks.CheckFailed | ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}. Call the function in a cell to see where."


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor="white", pil_kwargs={"compress_level": 1})
    return buffer.getvalue()
