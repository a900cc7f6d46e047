"""What the tests of several notebooks do: run one, try its known mistakes, audit it."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from lmlib import checks, training

ROOT = Path(__file__).parents[2]
NAMES = [
    "ps1_rnn_sampling",
    "ps2_numpy_transformer",
    "ps3_architectures",
    "ps4_bigram_to_transformer",
    "ps5_attention_backward",
    "ps6_tiny_transformer",
]
"""The problem sets that the machine grades."""


def read(name: str) -> NotebookNode:
    """The source notebook."""
    return nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)


def mistakes(name: str) -> list[dict[str, Any]]:
    """The known wrong answers."""
    known: list[dict[str, Any]] = tomllib.loads((ROOT / "mistakes" / f"{name}.toml").read_text())[
        "mistake"
    ]
    return known


def executed(notebook: NotebookNode, folder: Path) -> dict[str, NotebookNode]:
    """The cells after a run of the whole notebook, which stops at the first error."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LMLIB_PROFILE", "smoke")
        environment.setenv("MPLCONFIGDIR", str(folder))
        resources = {"metadata": {"path": str(folder)}}
        copied = nbformat.from_dict(notebook)
        done = NotebookClient(copied, timeout=300, resources=resources).execute()
    return {cell.id: cell for cell in done.cells}


def names_without_training(notebook: NotebookNode) -> dict[str, Any]:
    """All names after the given cells, the solutions and their checks, without any training."""
    with quiet() as names:
        for cell in cells_without_training(notebook):
            exec(compile(cell.source, cell.id, "exec"), names)
    return names


def cells_without_training(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells of a notebook, but for hidden tests and what trains."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and not (cell.id.endswith("_test") or cell.id == "packages_check")
        and "training" not in cell.metadata.get("tags", ())
    ]


@contextlib.contextmanager
def quiet() -> Iterator[dict[str, Any]]:
    """The names of a new notebook, whose cells can be run inside; what they print is left out."""
    with (
        pytest.MonkeyPatch.context() as environment,
        contextlib.redirect_stdout(io.StringIO()),
        training.without_fast_path(),  # a first cell disables it: this puts it back
    ):
        environment.setenv("LMLIB_PROFILE", "smoke")
        yield {"__name__": "__main__", "display": lambda figure: None}


def printed(cell: NotebookNode) -> str:
    """What a cell has printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


def pictures(cells: dict[str, NotebookNode]) -> set[str]:
    """The cells that show a picture."""
    return {
        name
        for name, cell in cells.items()
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    }


def points(notebook: NotebookNode) -> dict[str, float]:
    """The points of each cell that has some."""
    return {
        cell.id: cell.metadata.nbgrader.points
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("points")
    }


def what_a_check_says(
    notebook: NotebookNode, names: dict[str, Any], mistake: dict[str, Any]
) -> str:
    """What one reads below the visible check of an exercise that was answered with a mistake."""
    source = next(cell.source for cell in notebook.cells if cell.id == mistake["cell"])
    assert source.count(mistake["find"]) == 1
    answer = source.replace(mistake["find"], mistake["replace"])
    return said_below(notebook, names, mistake["cell"], answer)


def said_below(
    notebook: NotebookNode, names: dict[str, Any], exercise: str, answer: str | None = None
) -> str:
    """What one reads below the visible check of an exercise; nothing if all is well.

    answer: the source of its cell; None: the solution
    """
    sources = {cell.id: cell.source for cell in notebook.cells}
    with_answer = dict(names)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(sources[exercise] if answer is None else answer, with_answer)
            exec(sources[f"{exercise}_check"], with_answer)
        except checks.CheckFailed as failed:
            return str(failed)
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"
    return ""


def check_audit(name: str, folder: Path, mistakes: int, named: float, alternates: int) -> None:
    """Build a problem set in an empty folder, and audit it against its banks.

    mistakes:   how many there have to be, at least; every one has to be caught
    named:      the share of them that has to be named, at least
    alternates: how many there have to be, at least; every one has to keep its points

    To save minutes it is a third of the mistakes.  `make soak`, and every build of a release, runs
    them all.  The runs here are those of the build itself, one after the other, since the other
    cores have tests of their own.
    """
    smaller_course(name, folder)
    for words in (("build",), ("audit", "--kept")):
        command = [sys.executable, "-m", "nbjudge.cli", *words, name, "--jobs", "1"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    numbers = re.fullmatch(
        r"audit: mistakes (\d+)/(\d+) caught, (\d+) named; alternates (\d+)/(\d+) kept",
        done.stdout.splitlines()[-1],
    )
    assert numbers, done.stdout
    caught, known, with_name, kept, tried = map(int, numbers.groups())
    assert caught == known >= mistakes and with_name >= named * known
    assert kept == tried >= alternates


def smaller_course(name: str, folder: Path, first: int = 0) -> None:
    """The course in `folder` with one problem set, and a third of its known mistakes.

    first: the number of the first mistake that is kept
    """
    for file in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / file, folder / file)
    for place in (f"source/{name}", f"tests/alternates/{name}"):
        shutil.copytree(ROOT / place, folder / place)
    (folder / "mistakes").mkdir()
    bank = (ROOT / "mistakes" / f"{name}.toml").read_text()
    (folder / "mistakes" / f"{name}.toml").write_text(_a_third(bank, first))


def _a_third(bank: str, first: int) -> str:
    """The bank with every third of its mistakes, and all of its empty answers."""
    head, *tables = re.split(r"^(?=\[\[)", bank, flags=re.MULTILINE)
    mistakes = [table for table in tables if table.startswith("[[mistake]]")]
    return "".join(
        [head, *mistakes[first::3], *(table for table in tables if table not in mistakes)]
    )
