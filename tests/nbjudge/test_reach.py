"""The reach of an answer: which tests and checks need to run after exercises have changed."""

from nbformat.v4 import new_notebook
from small_course import code

from nbjudge.authoring.reach import out_of_reach

SOLUTION = {"solution": True, "grade": False}
TEST = {"grade": True, "points": 2}
CHECK = {"grade": True, "points": 0}
STEP = "def step(x): return 0"


def notebook(**cells):
    """A notebook of code cells: name → source, where a name's ending says what the cell is."""
    kinds = {"test": TEST, "check": CHECK, "answer": SOLUTION}
    return new_notebook(
        cells=[
            code(name, source, **kinds.get(name.rpartition("_")[2], {}))
            for name, source in cells.items()
        ]
    )


def test_tests_before_a_changed_exercise_and_of_independent_ones_need_not_run():
    cells = notebook(
        first_answer="def first(): return 1",
        first_test="observe(first)",
        second_answer="def second(): return 2",
        second_test="observe(second)",
        third_answer="def third(): return 3",
        third_test="observe(third)",
    )
    assert out_of_reach(cells, {"second_answer": "def second(): return 0"}) == {
        "first_test",
        "third_test",
    }


def test_a_change_reaches_tests_through_answers_and_given_cells():
    cells = notebook(
        step_answer="def step(x): return x",
        walk_answer="def walk(x):\n    return [step(one) for one in x]",
        given="path = walk([1, 2])",
        walk_test="def hidden_call():\n    return path\n\nobserve(hidden_call)",
        other_test="observe(other)",
    )
    assert out_of_reach(cells, {"step_answer": STEP}) == {"other_test"}


def test_a_test_that_puts_another_part_in_place_of_a_changed_one_runs():
    cells = notebook(
        step_answer="def step(x): return x",
        walk_test="observe(stand_ins(globals(), step=hidden_step))",
        class_test='observe(base(globals(), "step"))',
        alone_test="observe(alone)",
    )
    assert out_of_reach(cells, {"step_answer": STEP}) == {"alone_test"}


def test_names_that_a_cell_binds_itself_do_not_come_from_others():
    cells = notebook(
        step_answer="def step(x): return x",
        step_test="hidden_x = 1\nobserve(step, hidden_x)",
        other_test="def hidden_f():\n    return hidden_x\n\nhidden_x = 2\nobserve(hidden_f)",
    )
    assert out_of_reach(cells, {"step_answer": STEP}) == {"other_test"}


def test_a_check_runs_only_for_a_name_that_a_later_cell_needs():
    cells = notebook(
        step_answer="def step(x): return x",
        step_check="losses = step(1)",
        next_check="figure = step(2)",
        given="print(losses)",
    )
    assert out_of_reach(cells, {"step_answer": STEP}) == {"next_check"}


def test_a_test_whose_names_are_needed_by_one_in_reach_runs_before_it():
    cells = notebook(
        first_test="hidden_letters = 'abc'\nobserve(first, hidden_letters)",
        step_answer="def step(x): return x",
        step_test="observe(step, hidden_letters)",
    )
    assert out_of_reach(cells, {"step_answer": STEP}) == set()


def test_a_name_that_an_answer_no_longer_binds_is_reached():
    cells = notebook(step_answer="def stride(x): return x", step_test="observe(step)")
    assert out_of_reach(cells, {"step_answer": STEP}) == set()


def test_everything_runs_if_a_cell_is_no_python():
    cells = notebook(other_test="observe(other)", step_answer="def step(:")
    assert out_of_reach(cells, {"step_answer": STEP}) == set()
