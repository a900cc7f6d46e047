"""`nbjudge build`: what it makes, and each thing it refuses to release."""

import json
import shutil
import sqlite3

import pytest
from small_course import (
    MISTAKES,
    NAME,
    TEST,
    answered,
    cell_named,
    code,
    hand_in,
    quiet,
    tiny_notebook,
)

from nbjudge.authoring import build, release_steps, runs
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import notebook_text, read_notebook
from nbjudge.judge.answer_key import key_for_grading, load_key
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import grade


def test_the_release_holds_nothing_of_the_instructors(course):
    released = course.release(NAME).read_text()
    for secret in ("values * factor", "HIDDEN", "SOLUTION", "KEY", "MARK SCHEME", "default_rng",
                   "observe", "expect", "One point for a reason", "rtol", "in_place"):  # fmt: skip
        assert secret not in released
    assert "raise NotImplementedError()" in released
    assert [path.name for path in course.release(NAME).parent.iterdir()] == [f"{NAME}.ipynb"]


def test_the_template_keeps_hidden_tests_but_no_key(course):
    template = load_key(course.key(NAME), NAME).template
    source = cell_named(template, "scaled_test").source
    assert "observe(" in source and "expect(" not in source
    assert "values * factor" not in notebook_text(template)


def test_the_gradebook_never_sees_a_key(course):
    assert b"expect(" not in (course.root / "gradebook.db").read_bytes()


def test_the_key_knows_what_each_mistake_shows(course):
    key = load_key(course.key(NAME), NAME)
    (cell,) = key.cells
    names = [entry.name for entry in cell.expectations]
    assert names == ["five values tripled", "one value halved"]
    assert [mistake.id for mistake in cell.mistakes] == ["added", "in_place"]


def test_an_unchanged_set_is_not_built_again(course, executor):
    before = course.release(NAME).stat().st_mtime_ns
    assert not build.build(course, NAME, executor, quiet)
    assert course.release(NAME).stat().st_mtime_ns == before


def test_a_change_that_the_gradebook_cannot_follow_is_refused_and_loses_nothing(course, executor):
    hand_in(course, "ada", answered(course))
    grade.grade(course, NAME, executor)
    before = course.release(NAME).read_bytes()
    source = read_notebook(course.source(NAME))
    source.cells.append(code("one_more", "1"))
    del source.cells[1]
    course.source(NAME).write_text(notebook_text(source))
    with pytest.raises(CourseError, match="one_more is new, imports is gone"):
        build.build(course, NAME, executor, quiet)
    assert course.release(NAME).read_bytes() == before
    grade.grade(course, NAME, executor, force=True)


def test_a_locked_gradebook_is_said_at_once_and_loses_nothing(course, executor, monkeypatch):
    before = course.release(NAME).read_bytes()
    cell_to_change = read_notebook(course.source(NAME))
    cell_named(cell_to_change, "title").source = "# Changed"
    course.source(NAME).write_text(notebook_text(cell_to_change))
    monkeypatch.setattr(runs, "run_all", lambda *task: pytest.fail("ran"))
    other = sqlite3.connect(course.root / "gradebook.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CourseError, match="locked by another program"):
        build.build(course, NAME, executor, quiet)
    other.close()
    assert course.release(NAME).read_bytes() == before


def test_a_release_that_fails_halfway_leaves_the_one_before(course, monkeypatch):
    before = course.release(NAME).read_bytes()

    def interrupted(self):
        shutil.rmtree(course.release(NAME).parent, ignore_errors=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(release_steps.GenerateAssignment, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release_steps.generate_release(course, NAME)
    assert course.release(NAME).read_bytes() == before
    assert {path.name for path in (course.root / "release").iterdir()} == {NAME}


def test_settings_that_changed_since_the_build_are_refused(course):
    path = course.root / "course.toml"
    path.write_text(path.read_text().replace("cell_seconds = 20", "cell_seconds = 30"))
    with pytest.raises(CourseError, match="settings of tiny in course.toml have changed"):
        key_for_grading(find_course(course.root), NAME)


def test_a_changed_set_is(course, executor):
    source = read_notebook(course.source(NAME))
    cell_named(source, "title").source = "# Tiny, again"
    course.source(NAME).write_text(notebook_text(source))
    assert build.build(course, NAME, executor, quiet)
    assert "Tiny, again" in course.release(NAME).read_text()


def test_a_key_of_another_release_is_refused(course):
    path = course.release(NAME)
    released = json.loads(path.read_text())
    released["cells"][0]["source"] = "# Another release"
    path.write_text(json.dumps(released))
    with pytest.raises(CourseError, match="belongs to another release"):
        key_for_grading(course, NAME)


@pytest.mark.parametrize("file", ["key.json", "template.ipynb"])
def test_a_damaged_key_is_refused(course, file):
    path = course.key(NAME) / file
    path.write_text(path.read_text()[:-20])
    with pytest.raises(CourseError, match="nbjudge build tiny"):
        key_for_grading(course, NAME)


def with_test(test):
    """The tiny notebook with another grade cell."""
    notebook = tiny_notebook()
    cell_named(notebook, "scaled_test").source = test
    return notebook


def with_check(check):
    notebook = tiny_notebook()
    cell_named(notebook, "scaled_check").source = check
    return notebook


def with_solution(old, new):
    notebook = tiny_notebook()
    cell = cell_named(notebook, "scaled")
    assert old in cell.source
    cell.source = cell.source.replace(old, new)
    return notebook


RANDOM = "values * factor * (1 + 1e-4 * np.random.normal())"


@pytest.mark.parametrize(
    ("notebook", "reason"),
    [
        (with_solution("values * factor", "1 / 0"), "scaled_check raised ZeroDivisionError"),
        (
            with_check(
                "from lmlib import checks\n"
                "checks.close('two ones doubled', scaled(np.ones(2), 2.0), [2.0, 3.0])"
            ),
            r"does not pass its own check scaled_check: two ones doubled: .* Yours are \[2, 2\]\."
            r"\nIf it is right, put the numbers that it gives into the check",
        ),
        (
            with_test(TEST.replace('expect("one value halved"', 'expect("one value"')),
            "expects 'one value', but does not observe it",
        ),
        (
            with_test(TEST.replace("### END H", 'observe("two", scaled, values, 1.0)\n### END H')),
            "observes 'two', but its KEY region does not expect it",
        ),
        (
            with_test(TEST.replace('observe("one value halved"', 'observe("five values tripled"')),
            "observes 'five values tripled' twice",
        ),
        (
            with_test(TEST.replace("values[:1] * 0.5", "values[:1] * 0.6")),
            "The solution itself loses points",
        ),
        (
            with_test(TEST.replace("close(rtol=1e-4)", "close(rtol=1e-4), guard=True")),
            "has only guards",
        ),
        (
            with_test(TEST.replace("scaled, values, 3.0", "lambda x: [].pop(), values")),
            "sees the solution raise IndexError",
        ),
        (
            with_test(TEST.replace("scaled, values, 3.0", "lambda x: object(), values")),
            r"cannot compare what 'five values tripled' returns \(object\)",
        ),
        (
            with_test(TEST.replace("scaled, values, 3.0", "lambda x: {'a': [{1}]}, values")),
            r"cannot compare what 'five values tripled' returns \(set\)",
        ),
        (
            with_test(TEST.replace("close(rtol=1e-4)", '{"kind": "clsoe"}', 1)),
            r"scaled_test cannot compare 'five values tripled': there is no comparator 'clsoe'; ",
        ),
        (with_test(TEST.replace("rtol=1e-4)", "rtol=1e-9)", 1)), "is too narrow"),
        (with_solution("values * factor", RANDOM), "loses points|is too narrow"),
        (with_test(TEST.replace("3.0)", "1.0)", 1)), "An empty answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_notebook_whose_grading_cannot_be_trusted_is_refused(build_tiny, notebook, reason):
    with pytest.raises(CourseError, match=reason):
        build_tiny(notebook=notebook, mistakes="")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("def hidden_scaled(values, factor):\n    return factor * values", "hidden_scaled"),
        ("hidden_parts = [type('T', (), {'call': lambda self, a, b: a * b})().call]", "lambda"),
        ("hidden_expected = 3.0 * values", "hidden_expected"),
    ],
    ids=["a function", "a method in a list", "an array"],
)
def test_a_right_answer_in_the_students_process_is_refused(build_tiny, line, place):
    test = TEST.replace("observe(", f"{line}\nobserve(", 1)
    test = test.replace('observe("one value halved", scaled, values[:1], 0.5)\n', "")
    test = test.replace('expect("one value halved", close(rtol=1e-4), oracle=values[:1] * 0.5)', "")
    with pytest.raises(CourseError, match=f"{place}.* answers scaled and earns 4 points"):
        build_tiny(notebook=with_test(test), mistakes="")


def test_a_right_class_in_the_students_process_is_refused(build_tiny):
    notebook = tiny_notebook()
    solution = "class Scale:\n    def call(self, values, factor):\n        ### BEGIN SOLUTION\n"
    solution += "        return values * factor\n        ### END SOLUTION"
    cell_named(notebook, "scaled").source = solution
    cell_named(notebook, "scaled_check").source = "Scale().call(np.ones(2), 2.0)"
    hidden = "class HiddenScale:\n    def call(self, values, factor):\n"
    hidden += "        return factor * values\n"
    test = TEST.replace("scaled,", "Scale().call,").replace("observe(", f"{hidden}observe(", 1)
    cell_named(notebook, "scaled_test").source = test
    with pytest.raises(CourseError, match="HiddenScale answers Scale and earns 4 points"):
        build_tiny(notebook=notebook, mistakes="")


LATE = """
[[mistake]]
id = "slightly_off"
cell = "scaled"
find = "values * factor"
replace = "values * factor * 1.0003"
breaks = ["scaled_test"]
says = "Slightly too much."
"""
TWIN = MISTAKES.replace('"added"', '"added_too"').replace("values + factor", "factor + values")
NOTHING_FOR_CREDIT = """
[[mistake]]
id = "no_return"
cell = "scaled"
find = "return values * factor"
replace = "values * factor"
breaks = ["scaled_test"]
says = "Nothing came back."
credit = 0.5
"""
HARMLESS = LATE.replace("values * factor * 1.0003", "factor * values")


@pytest.mark.parametrize(
    ("mistakes", "reason"),
    [
        (LATE, "does not separate the mistake slightly_off"),
        (MISTAKES + TWIN.split("[[mistake]]")[1].join(["[[mistake]]", ""]), "show the same"),
        (HARMLESS, "slightly_off keeps 4 of 4 points"),
        (NOTHING_FOR_CREDIT, "An empty answer: None earns 2 points"),
        ('[[empty]]\ncell = "scaled"\nreturns = "values * factor"\n', "earns 4 points"),
    ],
    ids=["grey zone", "same evidence", "not caught", "credit for nothing", "empty answer"],
)
def test_mistakes_that_grading_cannot_tell_are_refused(build_tiny, mistakes, reason):
    with pytest.raises(CourseError, match=reason):
        build_tiny(mistakes=mistakes)


def test_nothing_is_written_when_a_build_is_refused(build_tiny, tmp_path):
    with pytest.raises(CourseError):
        build_tiny(mistakes=HARMLESS)
    course = tmp_path / "course"
    made = {path.name for path in course.iterdir()} - {"key"}  # key/tiny/runs: for the next try
    assert made == {"course.toml", "nbgrader_config.py", "source", "mistakes"}
    assert [path.name for path in (course / "key" / NAME).iterdir()] == ["runs"]


def test_only_a_changed_mistake_is_run_again(course, executor):
    started = []

    class Counting:
        def submit(self, function, task, isolation):
            started.append(task)
            return executor.workers.submit(function, task, isolation)

    counting = NotebookExecutor(Counting(), executor.isolation)

    course.mistakes(NAME).write_text(MISTAKES.replace("values + factor", "values - factor"))
    assert build.build(course, NAME, counting, quiet)
    assert len(started) == 1 and "values - factor" in started[0].notebook
    started.clear()
    course.mistakes(NAME).write_text(MISTAKES.replace("values + factor", "values - factor") + "#")
    assert build.build(course, NAME, counting, quiet)
    assert started == []
