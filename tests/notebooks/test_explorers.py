"""Explorers where they start: every control does something, and what the text says of it holds."""

from typing import Any

import ipywidgets
import numpy as np
import problem_set
import pytest
import torch

from lmlib import plots, widgets

EXPLORERS = [
    ("ps1_rnn_sampling", "unit"),
    ("ps2_numpy_transformer", "temperature-explorer"),
    ("ps2_numpy_transformer", "attention-explorer"),
    ("ps3_architectures", "gru-explorer"),
    ("ps6_tiny_transformer", "player"),
]


def explorer(name: str, cell: str) -> widgets.Explorer:
    """The value of the cell's last line, after the rest of the notebook without its trainings."""
    notebook = problem_set.read(name)
    names = problem_set.names_without_training(notebook)
    source = next(one.source for one in notebook.cells if one.id == cell)
    above, last = source.rsplit("\nwidgets.", 1) if "\nwidgets." in source else ("", source[8:])
    exec("from lmlib import widgets\n" + above, names)
    made: widgets.Explorer = eval(f"widgets.{last}", names)
    return made


@pytest.mark.parametrize(("name", "cell"), EXPLORERS)
def test_every_slider_changes_what_is_shown(name: str, cell: str) -> None:
    made = explorer(name, cell)
    for control in made._controls:
        if isinstance(control, ipywidgets.Text):
            continue
        start, shown = control.value, set()
        for value in (start, control.min, control.max):
            control.value = value
            shown.add((made._text, bytes(made._picture.value)))
        control.value = start
        assert len(shown) > 1, f"{control.description} is dead: {made._text}"


def test_the_explorers_of_a_set_are_all_tested() -> None:
    """But for those of problem set 6 and the project that need a trained model."""
    makers = [name for name in dir(widgets) if name.endswith(("_explorer", "_player", "_units"))]
    found = {
        (name, cell.id)
        for name, *_ in EXPLORERS
        for cell in problem_set.read(name).cells
        if cell.cell_type == "code" and any(f"widgets.{maker}(" in cell.source for maker in makers)
    }
    assert found == {*EXPLORERS, ("ps6_tiny_transformer", "explorer")}


def test_a_reset_weight_of_minus_ten_on_control_hides_the_state() -> None:
    made = explorer("ps3_architectures", "gru-explorer")
    shown = drawn(made)
    assert shown["proposed n"][0] != pytest.approx(np.tanh(0.8), abs=0.01)
    slider = next(one for one in made._controls if one.description == "reset, control")
    assert "reset weight of −10 on control" in text("ps3_architectures", "explorer-intro")
    slider.value = -10.0
    shown = drawn(made)
    assert shown["reset r"][0] < 0.001
    assert shown["proposed n"][0] == pytest.approx(np.tanh(0.8), abs=0.001)


def drawn(made: widgets.Explorer) -> dict[str, Any]:
    """The parts of the step that the explorer of the GRU draws."""
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        draw = plots.gru_step
        patch.setattr(plots, "gru_step", lambda parts: found.update(parts) or draw(parts))
        made._redraw()
    return found


def text(name: str, cell: str) -> str:
    return str(next(one.source for one in problem_set.read(name).cells if one.id == cell))


def test_the_spread_of_attention_is_that_of_the_last_token() -> None:
    """As the text of problem set 6 says: even attention over 50 tokens is spread over 50."""
    source = text("ps6_tiny_transformer", "sharpness")
    assert "attn[:, -1]" in source and "[:256]" in source
    even = torch.full((3, 50), 1 / 50)
    assert torch.special.entr(even).sum(dim=-1).exp().allclose(torch.tensor(50.0))
    said = text("ps6_tiny_transformer", "stages-intro")
    assert "last token" in said and "256 validation windows" in said
