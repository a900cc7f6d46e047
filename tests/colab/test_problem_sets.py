"""Every problem set, opened from where the release is served, on a machine like Colab's."""

import ast
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from nbjudge.authoring.mistakes import solutions_of
from nbjudge.core.course import Course, find_course
from nbjudge.core.library import zipped
from nbjudge.core.notebooks import INSTALL_ID, library_wheel, read_notebook
from tests import environments
from tests.colab import kernel
from tests.colab.conftest import ROOT

NAMES = list(find_course(ROOT).assignments)
SENTENCE = re.compile(
    r"… [\w.]+ is not written yet: replace the line `raise NotImplementedError\(\)` in its cell,"
    r" run that cell, then run this one again\."
)


@pytest.fixture
def colab(runtime: Path, tmp_path: Path) -> Path:
    """The Python of a machine that is the test's own, without lmlib."""
    return environments.on_top_of(runtime, tmp_path / "environment")


def released(course: Course, name: str) -> NotebookNode:
    return kernel.fetched(f"{course.release_address}/{name}/{name}.ipynb")


def error(cell: NotebookNode) -> NotebookNode | None:
    """What a cell raised."""
    return next((o for o in cell.get("outputs", []) if o.output_type == "error"), None)


def shown(cell: NotebookNode, stream: str) -> str:
    """What a cell printed to one of its two streams."""
    return "".join(o.text for o in cell.outputs if o.get("name") == stream)


def assigned(source: str) -> set[str]:
    """The names to which a cell gives a value, a function or a class."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    made = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return made | {name.id for name in names if isinstance(name.ctx, ast.Store)}


def checks_of(cells: dict[str, NotebookNode], solutions: dict[str, str]) -> list[NotebookNode]:
    """The visible checks of the exercises."""
    return [cells[f"{name}_check"] for name in solutions if f"{name}_check" in cells]


def in_one_line(lines: list[str]) -> str:
    """A sentence that was broken between words."""
    return " ".join(" ".join(lines).split())


def without_excuse(cells: dict[str, NotebookNode]) -> dict[str, str]:
    """The cells that raise what no unwritten exercise explains, and what they raise."""
    missing: set[str] = set()  # names that cells which raised would have given a value
    found = {}
    for name, cell in cells.items():
        raised = error(cell)
        if raised is None:
            continue
        named = re.fullmatch(r"name '(\w+)' is not defined", raised.evalue)
        is_explained = (
            (raised.ename == "NotSolvedYet" and SENTENCE.fullmatch(in_one_line(raised.traceback)))
            or (raised.ename == "NotImplementedError" and not raised.evalue
                and not name.endswith("_check"))
            or (raised.ename == "NameError" and named and named[1] in missing)
        )  # fmt: skip
        if not is_explained:
            found[name] = f"{raised.ename}: {raised.evalue}"
        missing |= assigned(cell.source)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_as_released_it_runs_and_says_what_is_not_written_yet(
    served: Course, runtime: Path, colab: Path, tmp_path: Path, name: str
) -> None:
    before = environments.installed(colab)
    assert "lmlib" not in before
    cells = kernel.run(released(served, name), colab, tmp_path)
    after = environments.installed(colab)
    assert {**after, **before} == after, "nothing that was there has been replaced"
    assert after.keys() - before.keys() == {"lmlib", "jedi"}
    assert cells[INSTALL_ID].outputs == []
    assert without_excuse(cells) == {}
    checks = checks_of(cells, solutions_of(read_notebook(served.source(name))))
    assert all(error(check) for check in checks) and bool(checks) == (name != "project")
    assert not [key for key, cell in cells.items() if "outputs" in cell and shown(cell, "stderr")]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "project"])
def test_with_the_solutions_every_check_holds(
    served: Course, colab: Path, tmp_path: Path, name: str
) -> None:
    """Nothing is trained: the rest has to run without, as in grading."""
    solutions = solutions_of(read_notebook(served.source(name)))
    notebook = released(served, name)
    for cell in notebook.cells:
        cell.source = solutions.get(cell.id, cell.source)
        if "training" in cell.metadata.get("tags", []):
            cell.source = ""
    cells = kernel.run(notebook, colab, tmp_path)
    assert {key: error(cell) for key, cell in cells.items() if error(cell)} == {}
    silent = [
        check.id for check in checks_of(cells, solutions) if "✓" not in shown(check, "stdout")
    ]
    assert silent in ([], ["draw_similarity_check"]), "that one shows a picture"


def test_an_older_version_is_upgraded_and_nothing_else_replaced(
    served: Course, colab: Path, tmp_path: Path
) -> None:
    """In a runtime with PyTorch, where the older one has been imported already."""
    about = "lmlib-2026.1.0.post5.dist-info"
    older = {
        "lmlib/__init__.py": "OLD = True\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: lmlib\nVersion: 2026.1.0.post5\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in older)
    path = tmp_path / "lmlib-2026.1.0.post5-py3-none-any.whl"
    path.write_bytes(zipped({**older, f"{about}/RECORD": record}))
    environments.uv("pip", "install", "--python", colab, "--no-deps", path)
    before = environments.installed(colab)
    assert "torch" in before and before["lmlib"] == "2026.1.0.post5"

    first = released(served, "ps1_rnn_sampling").cells[0]
    cells = [
        new_code_cell("import lmlib, torch; assert lmlib.OLD", id="before"),
        first,
        new_code_cell("import lmlib; print(lmlib.__version__, hasattr(lmlib, 'OLD'))", id="after"),
    ]
    done = kernel.run(new_notebook(cells=cells), colab, tmp_path)
    after = environments.installed(colab)
    assert done[INSTALL_ID].outputs == []
    assert shown(done["after"], "stdout").split() == [after["lmlib"], "False"]
    assert {name for name in after if after[name] != before.get(name)} == {"lmlib", "jedi"}
    assert library_wheel(first.source).startswith(f"lmlib-{after['lmlib']}-")


def test_what_lies_beside_the_notebook_is_fetched(
    served: Course, colab: Path, tmp_path: Path
) -> None:
    notebook = released(served, "ps5_attention_backward")
    notebook.cells = notebook.cells[:1]
    kernel.run(notebook, colab, tmp_path)
    there = served.release("ps5_attention_backward").with_name("contexts.npz")
    assert (tmp_path / "content" / there.name).read_bytes() == there.read_bytes()


def test_a_problem_set_without_a_file_fetches_none(served: Course) -> None:
    assert "urlretrieve" not in released(served, "ps1_rnn_sampling").cells[0].source
