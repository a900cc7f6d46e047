"""docs/authoring.md: the walk from nothing to an audit, followed word for word in a clone."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tests.docs.clone import shell
from tests.docs.pages import ROOT, blocks, command_lines, named_blocks, section

PAGE = ROOT / "docs" / "authoring.md"
WALK = section(PAGE, "From nothing to an audit")
NOTEBOOK = Path("source/temperature/temperature.ipynb")
SERVER = ".venv/bin/jupyter lab"  # it does not end; the notebook is written here in its place

TYPES = {  # what the panel of JupyterLab writes into a cell's metadata
    "Read-only": {"locked": True},
    "Autograded answer": {"solution": True},
    "Autograded tests": {"grade": True, "locked": True},
}


def as_jupyterlab_saves_it() -> NotebookNode:
    """The notebook of the walk: the cells of its table, with ids that JupyterLab makes up."""
    rows = re.findall(r"^\| (.+) \| (.+) \| `(\w+)` \| (\d*) ?\|$", WALK, re.MULTILINE)
    assert len(rows) == 4
    cells = []
    for holds, kind, name, points in rows:
        plain = {"grade": False, "locked": False, "solution": False, "task": False}
        settings = {**plain, **TYPES[kind], "grade_id": name, "schema_version": 3}
        if points:
            settings["points"] = int(points)
        source = named_blocks(WALK).get(name) or holds.strip("`")
        cells.append(new_code_cell(source.rstrip("\n"), metadata={"nbgrader": settings}))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def printed(course: Path) -> str:
    """The files of the walk are written, its commands are run; what the last one prints."""
    files = {name: text for name, text in named_blocks(WALK).items() if "." in name}
    assert len(files) == 3
    said = ""
    for line in command_lines(WALK):
        if line != SERVER:
            said = shell(line, course)
            continue
        nbformat.write(as_jupyterlab_saves_it(), course / NOTEBOOK)
        for name, text in files.items():
            before = (course / name).read_text() if name == "course.toml" else ""
            (course / name).write_text(f"{before}\n{text}" if before else text)
    return said


def test_the_walk_ends_with_the_audit_that_the_page_shows(printed: str) -> None:
    (shown,) = blocks(WALK, "text")
    assert printed.splitlines()[-1] == shown.strip()


def test_its_release_asks_for_the_exercise_and_tells_no_answer(course: Path, printed: str) -> None:
    release = (course / "release/temperature/temperature.ipynb").read_text()
    assert "raise NotImplementedError()" in release
    assert "np.exp" not in release and "observe" not in release


def test_the_build_refuses_the_tolerance_that_the_page_tries(course: Path, printed: str) -> None:
    (tried,) = re.findall(r"`(rtol=\S+)` into the first `expect`", WALK)
    text = (course / NOTEBOOK).read_text()
    (course / NOTEBOOK).write_text(text.replace("rtol=1e-4", tried, 1))
    with pytest.raises(AssertionError, match="is too narrow: the"):
        shell(".venv/bin/nbjudge build temperature", course)
