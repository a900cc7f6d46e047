"""The project's notebook: as released it runs unchanged; its baseline is that of problem set 4."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import problem_set
import pytest
import torch
from nbformat import NotebookNode
from problem_set import ROOT, printed

from lmlib import training

NAME = "project"
NOTEBOOK = problem_set.read(NAME)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
TRAININGS = ["compare", "compare-flops", "samples"]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the built project."""
    folder = tmp_path_factory.mktemp("course")
    for file in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / file, folder / file)
    shutil.copytree(ROOT / "source" / NAME, folder / "source" / NAME)
    lmlib(folder, "build", NAME)
    return folder


def lmlib(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbjudge.cli", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, NotebookNode], Path]:
    """The cells after a run with the instructors' candidates, and the folder of that run."""
    folder = tmp_path_factory.mktemp("solved")
    return problem_set.executed(NOTEBOOK, folder), folder


def rows(cell: NotebookNode) -> list[str]:
    """The rows of the table of results that a cell shows, without their header."""
    texts = [output.data["text/plain"] for output in cell.outputs if "data" in output]
    [table] = [text for text in texts if text.startswith("candidate ")]
    return [str(row) for row in table.splitlines()[1:]]


# ---- as released


@pytest.mark.kernel
def test_the_released_template_runs_unchanged(course: Path, tmp_path: Path) -> None:
    released = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    cells = problem_set.executed(released, tmp_path)  # stops at the first error
    assert "the baseline is alone" in printed(cells["budget"])
    assert [row.split()[0] for row in rows(cells["table"])] == ["baseline"]
    assert problem_set.pictures(cells) == {"figures", "curves"}
    to_do = [line for line in printed(cells["checklist"]).splitlines() if line[0] == "…"]
    assert len(to_do) == 4, "people, link, a candidate, the report's PDF"


@pytest.mark.kernel
def test_nothing_is_audited_where_people_give_all_points(course: Path) -> None:
    assert "nothing to audit" in lmlib(course, "audit", NAME).stderr


def test_graders_see_the_students_table_and_figures(
    course: Path, solved: tuple[dict[str, NotebookNode], Path]
) -> None:
    """Nothing is trained in grading: the log that was handed in is shown."""
    _, folder = solved
    submitted = course / "submitted" / "ada" / NAME
    submitted.mkdir(parents=True)
    shutil.copy(ROOT / "source" / NAME / f"{NAME}.ipynb", submitted)
    shutil.copy(folder / "smoke.json", submitted / "results.json")
    shutil.copy(folder / "report.md", submitted)
    lmlib(course, "grade", NAME, "--jobs", "1")
    graded = nbformat.read(course / "autograded" / "ada" / NAME / f"{NAME}.ipynb", as_version=4)
    cells = {cell.id: cell for cell in graded.cells}
    assert all(not cells[name].outputs for name in TRAININGS)
    assert len(rows(cells["table"])) == 3
    assert {"figures", "curves"} <= problem_set.pictures(cells)
    assert "✓ 3 candidates were compared" in printed(cells["checklist"])


# ---- with the instructors' candidates


def test_every_candidate_has_its_row(solved: tuple[dict[str, NotebookNode], Path]) -> None:
    cells, folder = solved
    names = [row.split()[0] for row in rows(cells["compare"])]
    assert names == ["baseline", "warm-up", "cosine"]
    runs = json.loads((folder / "smoke.json").read_text())["runs"]
    assert {(run["candidate"], run["seed"]) for run in runs} == {
        (name, seed) for name in names for seed in (0, 1, 2)
    }
    assert not any("error" in run for run in runs) and not (folder / "results.json").exists()
    assert printed(cells["samples"]).count("ROMEO:") == 3


def test_what_the_report_needs_is_there(solved: tuple[dict[str, NotebookNode], Path]) -> None:
    cells, folder = solved
    report = (folder / "report.md").read_text()
    for name in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (folder / name).is_file(), name
    assert [int(number) for number in re.findall(r"^## (\d)", report, re.M)] == [1, 2, 3, 4]
    to_do = [line for line in printed(cells["checklist"]).splitlines() if line[0] == "…"]
    assert len(to_do) == 1 and "lmlib pdf report.md" in to_do[0]


def test_a_report_that_was_begun_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.md").write_text("mine")
    exec(CELLS["report"].source, {"Path": Path})
    assert (tmp_path / "report.md").read_text() == "mine"


# ---- the baseline


def parameters(notebook: NotebookNode, wanted: set[str], make: str, size: Any) -> int:
    """How many numbers a notebook's model has, at the sizes of a profile."""
    found = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, **size}
    for cell in notebook.cells:
        if cell.id in wanted:
            exec(cell.source, found)
    return training.count_parameters(eval(make, found))


@pytest.mark.parametrize(("T", "D", "n", "L"), [(16, 24, 6, 2), (64, 96, 6, 4)])
def test_it_is_as_large_as_problem_set_4s_transformer(T: int, D: int, n: int, L: int) -> None:
    """Up to the biases of queries, keys and values, which PyTorch's own attention has."""
    for line in (f'"smoke": ({T}, {D}, {n}, {L}', f'"cpu": ({T}, {D}, {n}, {L}'):
        if line in CELLS["text"].source:
            break
    else:
        pytest.fail("other sizes than in problem set 4")
    size = {"V": 64, "CONTEXT_WINDOW_SIZE": T, "EMBED_SIZE": D, "NUM_HEADS": n, "N_LAYERS": L}
    baseline = parameters(NOTEBOOK, {"Baseline"}, "Baseline()", size)
    parts = {"MultiHeadAttention", "FeedForward", "TransformerBlock", "TransformerLM"}
    make = f"TransformerLM(64, {T}, {D}, {n}, {L})"
    theirs = parameters(problem_set.read("ps4_bigram_to_transformer"), parts, make, size)
    assert baseline - theirs == 3 * D * L


# ---- what it asks


def test_points_are_those_of_the_specification() -> None:
    points = problem_set.points(NOTEBOOK)
    assert points == {"task_1": 20, "task_2": 25, "task_3": 30, "task_4": 15, "task_5": 10}


@pytest.mark.parametrize("number", range(1, 6))
def test_the_parts_of_a_mark_scheme_add_up(number: int) -> None:
    cell = CELLS[f"task_{number}"]
    scheme = cell.source.partition("BEGIN MARK SCHEME")[2]
    parts = [int(points) for points in re.findall(r"^\*\*(\d+) points?\b", scheme, re.M)]
    assert sum(parts) == cell.metadata.nbgrader.points
    assert "**A model answer**" in scheme


def test_what_trains_is_left_out_in_grading() -> None:
    for name in TRAININGS:
        assert CELLS[name].metadata.get("tags") == ["training"], name
