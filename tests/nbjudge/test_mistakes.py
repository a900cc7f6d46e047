"""The mistakes file: edits of the solution that cannot drift from it, and empty answers."""

import pytest
from small_course import MISTAKES, tiny_notebook

from nbjudge.authoring.mistakes import empty_answers, read_mistakes, solutions_of, with_mistake
from nbjudge.core.errors import CourseError


def read(tmp_path, text):
    path = tmp_path / "tiny.toml"
    path.write_text(text)
    return read_mistakes(path, tiny_notebook())


def test_a_mistake_edits_the_solution(tmp_path):
    added = read(tmp_path, MISTAKES).mistakes[0]
    source = with_mistake(tiny_notebook(), added)["scaled"]
    assert "return values + factor" in source and "SOLUTION" not in source
    assert "return values * factor" in solutions_of(tiny_notebook())["scaled"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('find = "values * factor"', 'find = "values / factor"', "occurs 0 times"),
        ('find = "values * factor"', 'find = "values"', "occurs 3 times"),
        ('find = "values * factor"', 'find = ""', "occurs 0 times"),
        ('replace = "values + factor"', 'replace = "values * factor"', "changes nothing"),
        ('cell = "scaled"', 'cell = "imports"', "no solution cell"),
        ('breaks = ["scaled_test"]', 'breaks = ["nowhere"]', "no grade cell"),
        ('breaks = ["scaled_test"]', "breaks = []", "breaks no cell"),
        ('id = "in_place"', 'id = "added"', "listed twice"),
        ("credit = 0.5", "credit = 1.5", "between 0 and 1"),
        ("credit = 0.5", 'credit = "half"', "between 0 and 1"),
        ('find = "values * factor"', "find = 3", "must be texts"),
        ("credit = 0.5", "credits = 0.5", "one too many"),
        ("says =", "# says =", "lacks a field"),
        ("[[mistake]]", "[[misteak]]", "unknown table"),
        ("[[mistake]]", "[[mistake", "not valid TOML"),
        ("The factor was added to the values, not multiplied with them.", " ", "says nothing"),
    ],
)
def test_a_mistake_that_does_not_fit_is_refused(tmp_path, old, new, reason):
    assert old in MISTAKES
    with pytest.raises(CourseError, match=reason):
        read(tmp_path, MISTAKES.replace(old, new, 1))


def test_empty_answers_return_nothing_or_an_argument(tmp_path):
    listed = read(tmp_path, '[[empty]]\ncell = "scaled"\nreturns = "0 * values"\n').empty
    made = empty_answers(tiny_notebook(), listed)
    bodies = {what: answers["scaled"].split("return ")[1] for what, answers in made.items()}
    assert bodies == {
        "None": "None",
        "argument 1": "values",
        "argument 2": "factor",
        "0 * values in scaled": "0 * values",
    }
    assert all("def scaled(values, factor):" in answers["scaled"] for answers in made.values())


@pytest.mark.parametrize(
    "line", ['cell = "nowhere"\nreturns = "1"', 'cell = "scaled"\nreturns = "1 +"']
)
def test_an_empty_answer_that_does_not_fit_is_refused(tmp_path, line):
    with pytest.raises(CourseError, match=r"\[\[empty\]\]"):
        read(tmp_path, f"[[empty]]\n{line}\n")


def test_without_a_file_there_are_no_mistakes(tmp_path):
    assert read_mistakes(tmp_path / "none.toml", tiny_notebook()).mistakes == ()
