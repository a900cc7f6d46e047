"""Intake: lenient where a student is honest, deaf where not, and always on the template's terms."""

import json
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import NAME, cell_named, code, tiny_notebook

from nbjudge.authoring import release_steps
from nbjudge.core.limits import Limits
from nbjudge.judge import intake
from nbjudge.judge.intake import Unreadable

PACKAGES = ("numpy", "lmlib")
ANSWER = "def scaled(values, factor):\n    return factor * values"


@pytest.fixture(scope="module")
def template_and_release(built_folder):
    from nbjudge.core.course import find_course

    return release_steps.template_and_release(find_course(built_folder), NAME, tiny_notebook())


@pytest.fixture
def template(template_and_release):
    """What the build made of the source, for a test to change."""
    return nbformat.from_dict(json.loads(json.dumps(template_and_release[0])))


@pytest.fixture
def submission(template_and_release):
    """The released notebook, answered."""
    notebook = nbformat.from_dict(json.loads(json.dumps(template_and_release[1])))
    cell_named(notebook, "scaled").source = ANSWER
    cell_named(notebook, "answer_task").source = "Because of this."
    return notebook


def assembled(template, submission):
    text = submission if isinstance(submission, str) else json.dumps(submission)
    return intake.assemble(template, intake.parse_submission(text, NAME, Limits()), PACKAGES)


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_the_students_cells_stand_in_the_template(template, submission):
    made = assembled(template, submission)
    assert [cell.id for cell in made.notebook.cells] == [cell.id for cell in template.cells]
    assert cell_named(made.notebook, "scaled").source == ANSWER
    assert cell_named(made.notebook, "answer_task").source == "Because of this."
    test = cell_named(made.notebook, "scaled_test")
    assert test.source == cell_named(template, "scaled_test").source
    assert made.notes == ()


def test_locked_cells_points_tags_and_outputs_come_from_the_template(template, submission):
    test = cell_named(submission, "scaled_test")
    test.metadata.nbgrader.points = 1000
    test.metadata["tags"] = ["skip-execution"]
    test.outputs = [{"output_type": "stream", "name": "stdout", "text": "4"}]
    submission.metadata["kernelspec"] = {"name": "forged"}
    made = cell_named(assembled(template, submission).notebook, "scaled_test")
    assert made.metadata.nbgrader.points == 4
    assert "tags" not in made.metadata and made.outputs == []


def test_a_changed_locked_cell_runs_before_the_original(template, submission):
    cell_named(submission, "imports").source = "import numpy as np\nlimit = 5"
    made = assembled(template, submission)
    position = sources(made.notebook).index("import numpy as np\nlimit = 5")
    assert made.notebook.cells[position + 1].id == "imports"
    assert made.notebook.cells[position].metadata.nbjudge.origin == "changed"
    assert "your version ran first" in made.notes[0]


def test_extra_cells_stay_after_the_cell_they_followed(template, submission):
    submission.cells.insert(4, new_code_cell("helper = 1"))
    submission.cells.insert(0, new_markdown_cell("my name"))
    made = sources(assembled(template, submission).notebook)
    assert made[0] == "my name"
    assert made[made.index(ANSWER) + 1] == "helper = 1"


def test_moved_and_deleted_cells_find_their_way(template, submission):
    submission.cells.reverse()
    submission.cells.remove(cell_named(submission, "imports"))
    made = assembled(template, submission).notebook
    order = [cell.id for cell in made.cells if cell.id in {c.id for c in template.cells}]
    assert order == [cell.id for cell in template.cells]
    assert cell_named(made, "scaled").source == ANSWER


def test_a_deleted_solution_counts_as_not_written(template, submission):
    submission.cells.remove(cell_named(submission, "scaled"))
    made = assembled(template, submission)
    assert "NotImplementedError" in cell_named(made.notebook, "scaled").source
    assert "scaled is not in the notebook" in made.notes[0]


def test_a_solution_without_identity_is_found_by_what_it_defines(template, submission):
    for cell in submission.cells:
        cell.pop("id")
        cell.metadata = {}
    submission["nbformat_minor"] = 2
    made = assembled(template, submission).notebook
    assert cell_named(made, "scaled").source == ANSWER


def test_a_notebook_that_lost_all_identities_is_as_good(template, submission):
    for cell in submission.cells:
        cell.pop("id")
        cell.metadata = {"id": "drawn by an editor"}
    made = assembled(template, submission)
    assert [cell.id for cell in made.notebook.cells] == [cell.id for cell in template.cells]
    assert cell_named(made.notebook, "scaled").source == ANSWER
    assert cell_named(made.notebook, "answer_task").source == "Because of this."
    assert made.notes == ()


def test_an_answer_left_blank_takes_no_other_answers_place(template, submission):
    for notebook in (template, submission):
        task = nbformat.from_dict(cell_named(template, "task"))
        task["id"] = task.metadata.nbgrader.grade_id = "task_2"
        scheme = "\n### BEGIN MARK SCHEME\nOne point.\n### END MARK SCHEME"
        task.source = "And why not?" + (scheme if notebook is template else "")
        notebook.cells += [task, new_markdown_cell("YOUR ANSWER HERE", id="answer_task_2")]
    for cell in submission.cells:
        cell.pop("id")
        cell.metadata = {}
    made = assembled(template, submission).notebook
    assert cell_named(made, "answer_task").source == "Because of this."
    assert cell_named(made, "answer_task_2").source == "YOUR ANSWER HERE"
    assert len(made.cells) == len(template.cells)


def test_an_id_may_be_in_the_metadata(template, submission):
    for cell in submission.cells:
        cell.metadata = {"id": cell.pop("id")}
    cell_named_answer = assembled(template, submission).notebook
    assert cell_named(cell_named_answer, "answer_task").source == "Because of this."


@pytest.mark.parametrize("typed", ["scaled = lambda v, f: v * f", "scaled: object = print"])
def test_a_solution_typed_anew_takes_its_place(template, submission, typed):
    position = submission.cells.index(cell_named(submission, "scaled"))
    submission.cells[position] = new_code_cell(typed)
    made = assembled(template, submission)
    assert cell_named(made.notebook, "scaled").source == typed and made.notes == ()


def test_a_stub_that_is_put_back_comes_before_what_may_replace_it(template, submission):
    position = submission.cells.index(cell_named(submission, "scaled"))
    submission.cells[position] = new_code_cell("exec('def scaled(v, f): return v * f')")
    made = sources(assembled(template, submission).notebook)
    stub = next(n for n, source in enumerate(made) if "NotImplementedError" in source)
    assert made[stub + 1].startswith("exec(")


def test_half_a_surrogate_pair_is_replaced(template, submission):
    cell_named(submission, "scaled").source = f"# \ud83d\n{ANSWER}"
    cell_named(submission, "answer_task").source = "\ud83d"
    made = assembled(template, submission).notebook
    assert cell_named(made, "scaled").source == f"# ?\n{ANSWER}"
    assert cell_named(made, "answer_task").source == "?"


def test_a_changed_cell_of_training_is_left_out_as_the_original_is(template, submission):
    cell_named(template, "imports").metadata["tags"] = ["training"]
    cell_named(submission, "imports").source = "train(for_ever=True)"
    made = assembled(template, submission)
    changed = made.notebook.cells[sources(made.notebook).index("train(for_ever=True)")]
    assert changed.metadata.tags == ["training"] and made.notes == ()


def test_solutions_merged_into_one_cell_are_not_undone(template, submission):
    stub = "def twice(values):\n    raise NotImplementedError()"
    template.cells.insert(3, code("twice", stub, solution=True, locked=False))
    cell_named(submission, "scaled").source += "\n\n\ndef twice(values):\n    return 2 * values"
    made = assembled(template, submission)
    assert not any("NotImplementedError" in source for source in sources(made.notebook))
    assert made.notes == ()


def test_a_solution_that_was_copied_counts_with_its_copy(template, submission):
    copy = json.loads(json.dumps(cell_named(submission, "scaled")))
    copy["source"] = "def scaled(values, factor):\n    return 0"
    submission.cells.insert(4, nbformat.from_dict(copy))
    made = sources(assembled(template, submission).notebook)
    assert made.index(copy["source"]) == made.index(ANSWER) + 1


def test_an_answer_typed_into_the_task_is_kept(template, submission):
    task = cell_named(submission, "task")
    task.source += "\n\nI think because of that."
    made = sources(assembled(template, submission).notebook)
    assert any("I think because of that." in source for source in made)
    assert any("BEGIN MARK SCHEME" in source for source in made)


def test_old_formats_are_upgraded(template, submission):
    old = nbformat.convert(submission, 3)
    made = assembled(template, json.dumps(old)).notebook
    assert cell_named(made, "scaled").source == ANSWER


def test_sources_may_be_lists_of_lines(template, submission):
    raw = json.loads(json.dumps(submission))
    for cell in raw["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    assert cell_named(assembled(template, json.dumps(raw)).notebook, "scaled").source == ANSWER


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("cp1252"),
    ],
    ids=["utf-8", "with BOM", "utf-16", "cp1252"],
)
def test_encodings_are_recognised(tmp_path, encode):
    path = tmp_path / "x.ipynb"
    path.write_bytes(encode('{"cells": [], "name": "Zoë"}'))
    assert json.loads(intake.read_submission(path, Limits()))["name"] == "Zoë"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the notebook is empty"),
        ('{"cells": [', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a notebook"),
        ('"text"', "not a notebook"),
        ('{"cells": 5}', "not a notebook"),
        ('{"worksheets": [5]}', "too old"),
        (
            '{"cells": [], "metadata": {"nbjudge": {"assignment": "ps9"}}}',
            "ps9, not of tiny",
        ),
        (json.dumps({"cells": [{}] * 3000}), "more than 2,000 cells"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_notebook_of_this_assignment_is_unreadable(text, reason):
    with pytest.raises(Unreadable, match=reason):
        intake.parse_submission(text, NAME, Limits())


def test_a_notebook_without_a_cell_of_this_assignment_is_unreadable(template):
    with pytest.raises(Unreadable, match="no cell of this assignment"):
        assembled(template, json.dumps({"cells": [new_code_cell("1")], "metadata": []}))


@pytest.mark.parametrize(
    "cell",
    [5, None, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5, "metadata": 5},
     {"cell_type": "code", "source": "1", "metadata": {"nbgrader": {"grade_id": []}}, "id": {}}],
)  # fmt: skip
def test_malformed_cells_do_no_harm(template, submission, cell):
    raw = json.loads(json.dumps(submission))
    raw["cells"].insert(0, cell)
    made = assembled(template, json.dumps(raw)).notebook
    assert cell_named(made, "scaled").source == ANSWER


def test_only_regular_files_are_read(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text("{}")
    link, fifo = tmp_path / "link.ipynb", tmp_path / "fifo.ipynb"
    link.symlink_to(secret)
    os.mkfifo(fifo)
    for path in (link, fifo, tmp_path, tmp_path / "none.ipynb"):
        with pytest.raises(Unreadable):
            intake.read_submission(path, Limits())


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as file:
        file.truncate(Limits().submission_bytes + 1)
    with pytest.raises(Unreadable, match="larger than"):
        intake.read_submission(path, Limits())


def test_the_notebook_with_the_assignments_name_comes_first(tmp_path):
    (tmp_path / "my homework.ipynb").write_text("{}")
    (tmp_path / "notes.txt").write_text("")
    (found,) = intake.read_notebooks(tmp_path, NAME, Limits())
    assert (found.name, found.text) == ("my homework.ipynb", "{}")
    (tmp_path / f"{NAME}.ipynb").write_text("[]")
    names = [one.name for one in intake.read_notebooks(tmp_path, NAME, Limits())]
    assert names == [f"{NAME}.ipynb", "my homework.ipynb"]
    for number in range(10):
        (tmp_path / f"{number}.ipynb").write_text("{}")
    with pytest.raises(Unreadable, match="there are 12 notebooks"):
        intake.read_notebooks(tmp_path, NAME, Limits())


@pytest.mark.parametrize(
    "line",
    ["import torch", "from torch import nn", "import numpy, torch.nn as nn", "__import__('torch')",
     "import importlib\nimportlib.import_module('torch.nn')", "def f():\n    import torch"],
)  # fmt: skip
def test_a_forbidden_import_keeps_its_cell_from_running(template, submission, line):
    cell_named(submission, "scaled").source = f"{line}\n{ANSWER}"
    made = assembled(template, submission)
    assert cell_named(made.notebook, "scaled").source.startswith("raise ImportError(")
    assert "not torch" in made.notes[0]


@pytest.mark.parametrize(
    "line", ["import numpy as np", "import math, os.path", "%matplotlib inline\nimport numpy",
             "from . import something", "import torch torch", "!pip list"]
)  # fmt: skip
def test_allowed_and_broken_cells_are_left_as_they_are(template, submission, line):
    cell_named(submission, "scaled").source = f"{line}\n{ANSWER}"
    made = assembled(template, submission)
    assert cell_named(made.notebook, "scaled").source == f"{line}\n{ANSWER}"
