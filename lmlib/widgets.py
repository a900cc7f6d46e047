"""Figures that one can turn: sliders around what lmlib.plots draws.

Each function takes arrays and returns a widget, which a cell's last line shows. Where nothing can
show widgets, the figure of the first setting is what one sees.
"""

import ipywidgets
import numpy as np
from IPython.display import display

from lmlib import plots


def hidden_units(states: np.ndarray, text: str, unit: int = 0) -> ipywidgets.Widget:
    """A slider through the hidden units, above the text coloured by the chosen unit's value.

    states: (T, H), between -1 and 1, row t after text[t] was read; text: the T characters;
    unit: the one shown first. Raises ValueError when the shapes do not fit or there is no such
    unit.
    """
    states = np.asarray(states)
    if states.ndim != 2 or len(states) != len(text):
        raise ValueError(
            f"states has shape {states.shape}; {len(text)} characters need ({len(text)}, H)."
        )
    if not 0 <= unit < states.shape[1]:
        raise ValueError(f"There is no unit {unit}: they count from 0 to {states.shape[1] - 1}.")
    slider = ipywidgets.IntSlider(
        unit, 0, states.shape[1] - 1, description="unit", continuous_update=False
    )
    return ipywidgets.interactive(
        lambda unit: display(plots.hidden_unit(states, text, unit)), unit=slider
    )
