"""Notebooks as they are kept in git, and the README's table made from them."""

import json

import nbformat
import pytest
from small_course import cell_named, tiny_notebook, write_course

from nbjudge.authoring import contents, normalise
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import notebook_text, read_notebook


def used(notebook):
    """The notebook as an editor leaves it: run, with states and ids of its own."""
    notebook.metadata["widgets"] = {"state": 1}
    notebook.metadata["kernelspec"]["display_name"] = "my env"
    cell = cell_named(notebook, "imports")
    cell.execution_count = 7
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="hm")]
    cell.metadata["collapsed"] = True
    cell.metadata["tags"] = ["training"]
    cell["id"] = "a1b2c3"
    return notebook


def test_outputs_states_and_unstable_ids_go(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(used(tiny_notebook())))
    assert normalise.main(["--check", str(path)]) == 1
    assert normalise.main([str(path)]) == 0
    assert normalise.main(["--check", str(path)]) == 0
    made = read_notebook(path)
    cell = cell_named(made, "imports")
    assert (cell.outputs, cell.execution_count) == ([], None)
    assert set(cell.metadata) == {"nbgrader", "tags"}
    assert set(made.metadata) == {"kernelspec"}
    assert path.read_text() == notebook_text(made) and path.read_text().endswith("}\n")


def test_an_id_is_the_grade_id_and_an_inserted_cell_shifts_no_other():
    notebook = tiny_notebook()
    before = [cell.id for cell in normalise.normalised(notebook).cells]
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("new"))
    after = [cell.id for cell in normalise.normalised(notebook).cells]
    assert [name for name in after if name in before] == before


def test_the_answer_below_a_new_task_gets_its_id():
    notebook = tiny_notebook()
    cell_named(notebook, "answer_task")["id"] = "0f3c"
    assert normalise.normalised(notebook).cells[-1].id == "answer_task"
    notebook.cells[-1]["id"], notebook.cells[-1].source = "0f3c", "Another text below a task"
    assert normalise.normalised(notebook).cells[-1].id == "0f3c"


def test_doubled_ids_are_told_apart():
    notebook = tiny_notebook()
    notebook.cells.append(nbformat.v4.new_markdown_cell("again", id="title"))
    ids = [cell.id for cell in normalise.normalised(notebook).cells]
    assert len(set(ids)) == len(ids)


def test_a_notebook_as_text_shows_ids_points_and_sources(tmp_path, capsys):
    path = tmp_path / "x.ipynb"
    path.write_text(notebook_text(tiny_notebook()))
    assert normalise.main(["--text", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "# --- code scaled_test (4 points)" in printed and "### BEGIN KEY" in printed


def test_what_is_no_notebook_is_said(tmp_path, capsys):
    (tmp_path / "x.ipynb").write_text("{")
    assert normalise.main(["--check", str(tmp_path / "x.ipynb")]) == 1
    assert "is not a notebook" in capsys.readouterr().err


def test_the_table_counts_points_mistakes_and_alternates(tmp_path):
    course = write_course(tmp_path)
    folder = course.alternates("tiny") / "scaled"
    folder.mkdir(parents=True)
    (folder / "reversed.py").write_text("scaled = lambda v, f: f * v")
    assert contents.table(course).splitlines()[-1] == (
        "| [`tiny`](source/tiny/tiny.ipynb) | Tiny | 4 points | 1 points | 2 | 1 |"
    )


def test_a_readme_without_markers_is_refused():
    with pytest.raises(CourseError, match="lacks the markers"):
        contents.with_table("# Readme", "table")


def test_the_readme_is_rewritten_only_between_its_markers(tmp_path, monkeypatch):
    write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{contents.BEGIN}\nold\n{contents.END}\nafter\n")
    assert contents.main(["--check"]) == 1
    assert contents.main([]) == 0 and contents.main(["--check"]) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "| Tiny |" in text
