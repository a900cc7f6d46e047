"""What a cell shows if it needs what is not there yet."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lmlib import refusals


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    refusals.install()
    return shell


def shown(shell: InteractiveShell, capsys: pytest.CaptureFixture[str], *cells: str) -> str:
    """What the last of some cells prints."""
    for cell in cells:
        capsys.readouterr()
        shell.run_cell(cell, store_history=True)
    return capsys.readouterr().out


STUB = "def step(x):\n    raise NotImplementedError()"


def test_an_experiment_names_the_exercise_that_it_needs(shell, capsys):
    said = shown(shell, capsys, STUB, "[step(number) for number in range(3)]")
    assert said.startswith("… step is not written yet: replace the line") and len(said) < 200


def test_a_cell_names_what_a_stopped_cell_would_have_made(shell, capsys):
    said = shown(shell, capsys, STUB, "import math\nfound = step(1)", "print(found + 1)")
    assert " ".join(said.split()) == (
        "… found is not there yet: a cell above makes it, in the line `found = step(1)`, and has"
        " not run to its end."
    )


@pytest.mark.parametrize("cell", ["print(misspelt)", "raise NotImplementedError('on this device')"])
def test_other_errors_keep_their_tracebacks(shell, capsys, cell):
    assert "Traceback" in shown(shell, capsys, STUB, cell)


def test_nothing_is_installed_outside_of_a_notebook(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    refusals.install()
