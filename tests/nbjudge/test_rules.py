"""What a source notebook must look like: each rule refuses, and names the cell."""

from pathlib import Path

import pytest
from small_course import SOLUTION, TEST, cell_named, code, text, tiny_notebook, write_course

from nbjudge.authoring import source_rules
from nbjudge.core.errors import CourseError

PATH = Path("tiny.ipynb")


def test_the_tiny_notebook_keeps_every_rule():
    source_rules.check_source(tiny_notebook(), PATH)


def unlocked_given_cell(notebook):
    cell_named(notebook, "imports").metadata.nbgrader.locked = False


def given_cell_unknown_to_nbgrader(notebook):
    del cell_named(notebook, "imports").metadata["nbgrader"]


def doubled_grade_id(notebook):
    notebook.cells.append(code("imports", "1"))


def id_apart_from_grade_id(notebook):
    cell_named(notebook, "imports")["id"] = "other"


def solution_without_region(notebook):
    cell_named(notebook, "scaled").source = "def scaled(values, factor):\n    return values"


def solution_outside_a_solution_cell(notebook):
    cell_named(notebook, "imports").source += "\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION"


def region_that_does_not_end(notebook):
    cell_named(notebook, "scaled").source = SOLUTION.replace("### END SOLUTION", "")


def nested_region(notebook):
    cell_named(notebook, "scaled").source = SOLUTION.replace(
        "### BEGIN SOLUTION", "### BEGIN SOLUTION\n    ### BEGIN SOLUTION"
    )


def hidden_tests_in_a_check(notebook):
    cell_named(notebook, "scaled_check").source = "### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS"


def grade_cell_without_key(notebook):
    cell_named(notebook, "scaled_test").source = TEST[: TEST.index("### BEGIN KEY")]


def visible_assert_in_a_grade_cell(notebook):
    cell_named(notebook, "scaled_test").source = f"assert scaled(1, 1) == 1\n{TEST}"


def hidden_tests_without_points(notebook):
    cell_named(notebook, "scaled_test").metadata.nbgrader.points = 0


def points_in_thirds(notebook):
    cell_named(notebook, "scaled_test").metadata.nbgrader.points = 1 / 3


def global_seed_in_hidden_tests(notebook):
    cell_named(notebook, "scaled_test").source = TEST.replace(
        "values =", "np.random.seed(0)\nvalues ="
    )


def hidden_tests_that_do_not_parse(notebook):
    cell_named(notebook, "scaled_test").source = TEST.replace("values =", "values = =")


def task_without_mark_scheme(notebook):
    cell_named(notebook, "task").source = "Why?"


def task_without_points(notebook):
    cell_named(notebook, "task").metadata.nbgrader.points = 0


def task_that_is_not_locked(notebook):
    cell_named(notebook, "task").metadata.nbgrader.locked = False


def task_without_an_answer_cell(notebook):
    notebook.cells.remove(cell_named(notebook, "answer_task"))


def mark_scheme_in_plain_text(notebook):
    notebook.cells.append(text("note", "### BEGIN MARK SCHEME\nx\n### END MARK SCHEME"))


REFUSED = [
    (unlocked_given_cell, "cell imports: a given code cell must be locked"),
    (given_cell_unknown_to_nbgrader, "cell imports: a given code cell must be locked"),
    (doubled_grade_id, "cell imports: this grade_id occurs twice"),
    (id_apart_from_grade_id, "the cell's id is not its grade_id"),
    (solution_without_region, "cell scaled: a solution cell needs a SOLUTION region"),
    (solution_outside_a_solution_cell, "cell imports: a SOLUTION region does not belong"),
    (region_that_does_not_end, "cell scaled: no 'END SOLUTION'"),
    (nested_region, "cell scaled: a second 'BEGIN SOLUTION'"),
    (hidden_tests_in_a_check, "cell scaled_check: a HIDDEN TESTS region does not belong"),
    (grade_cell_without_key, "a grade cell needs a HIDDEN TESTS region and a KEY"),
    (visible_assert_in_a_grade_cell, "cell scaled_test: a grade cell holds hidden tests"),
    (hidden_tests_without_points, "cell scaled_test: a HIDDEN TESTS region does not belong"),
    (points_in_thirds, "cell scaled_test: the points of a grade cell"),
    (global_seed_in_hidden_tests, "cell scaled_test: hidden tests seed a global generator"),
    (hidden_tests_that_do_not_parse, "cell scaled_test: line 2 is not Python"),
    (task_without_mark_scheme, "cell task: a written task needs a MARK SCHEME"),
    (task_without_points, "cell task: a written task needs points"),
    (task_that_is_not_locked, "cell task: a written task's cell must be locked"),
    (task_without_an_answer_cell, "cell task: a written task is followed by"),
    (mark_scheme_in_plain_text, "cell note: a MARK SCHEME region does not belong"),
]


@pytest.mark.parametrize(("spoil", "reason"), REFUSED, ids=[spoil.__name__ for spoil, _ in REFUSED])
def test_a_broken_rule_is_refused(spoil, reason):
    notebook = tiny_notebook()
    spoil(notebook)
    with pytest.raises(CourseError) as refusal:
        source_rules.check_source(notebook, PATH)
    assert reason in str(refusal.value)


def test_a_notebook_in_which_nothing_earns_points_is_refused():
    notebook = tiny_notebook()
    notebook.cells.remove(cell_named(notebook, "scaled_test"))
    source_rules.check_source(notebook, PATH)  # people give all its points
    notebook.cells.remove(cell_named(notebook, "task"))
    with pytest.raises(CourseError, match="neither a grade cell nor a written task"):
        source_rules.check_source(notebook, PATH)


@pytest.mark.parametrize("name", ["solution.py", "notes.txt", "other.ipynb", "data/key.json"])
def test_a_source_folder_holds_its_notebook_only(tmp_path, name):
    course = write_course(tmp_path)
    stranger = tmp_path / "source" / "tiny" / name
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("{}")
    with pytest.raises(CourseError, match="does not belong there"):
        source_rules.check_folder(course, "tiny")


def test_an_editors_checkpoints_do_not_matter(tmp_path):
    course = write_course(tmp_path)
    (tmp_path / "source" / "tiny" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "source" / "tiny" / ".ipynb_checkpoints" / "tiny-checkpoint.ipynb").write_text("{}")
    source_rules.check_folder(course, "tiny")
