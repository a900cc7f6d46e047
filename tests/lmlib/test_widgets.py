import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from lmlib import plots, widgets

STATES = np.tanh(np.random.default_rng(0).normal(size=(12, 5)))


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
        (STATES, 5, "no unit 5: they count from 0 to 4"),
    ],
)
def test_what_does_not_fit_is_refused(states: np.ndarray, unit: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        widgets.hidden_units(states, "to be or not", unit)
