"""Whoever looks at a table or a page learns why: a failure, a cell left out, points to check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_course import NAME, answered, hand_in

import nbjudge
from nbjudge import cli
from nbjudge.cli.tables import print_records
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.gradebook.points import Points
from nbjudge.judge import intake
from nbjudge.judge.verdicts import Record, Verdict
from nbjudge.pages import failures, feedback_page

ROOT = Path(nbjudge.__file__).parent
RIGHT = "def scaled(values, factor):\n    return factor * values"
WRONG = "def scaled(values, factor):\n    return values"


WITHOUT_A_CALL = (
    "the notebook is empty; save it again and submit it",
    "the file is a web page, not a notebook: download the notebook itself (.ipynb)",
    "the file is only Git LFS's pointer to a notebook: submit the notebook itself",
    "the notebook holds git's conflict markers (<<<<<<<): resolve the conflict, open it once, and "
    "submit it again",
    "the notebook is not valid JSON; it may be cut off",
    "the submission's folder cannot be read (Permission denied)",
    "tiny.ipynb is larger than 20 MB; clear its outputs and submit it again",
)
"""Reasons that functions of intake put together, which no call of Unreadable shows."""


def reasons() -> Iterator[str]:
    """Every text with which a submission is said to be unreadable, with 7 for what is filled in."""
    for path in sorted((ROOT / "judge").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Unreadable":
                (told,) = node.args
                if isinstance(told, ast.Constant):
                    yield told.value
                elif isinstance(told, ast.JoinedStr):
                    parts = [p.value if isinstance(p, ast.Constant) else "7" for p in told.values]
                    text = "".join(map(str, parts))
                    if re.search("[a-z]", text):  # or all of it is filled in
                        yield text
    yield from (f"tiny.ipynb {words}" for _, words in intake.BEGINNINGS)
    yield from WITHOUT_A_CALL


def failed(reason: str, is_final: bool = True) -> Record:
    return Record(NAME, "ada", "failed", reason, is_final=is_final)


@pytest.mark.parametrize("reason", sorted(set(reasons())))
def test_every_reason_has_a_step_of_its_own_on_the_page(reason):
    told = failures.advice(failed(reason))
    assert told not in (failures.SAVE_AGAIN, failures.NOT_THE_STUDENTS)
    page = feedback_page.page({"cells": []}, failed(reason), [], "Tiny")
    assert re.sub(r"\W", "", told) in re.sub(r"&#39;|\W", "", page)


def test_reasons_are_found_and_each_advice_is_of_one():
    found = set(reasons())
    assert len(found) >= 14
    told = [words for _, words in failures.ADVICE]
    assert len(set(told)) == len(told)


def test_a_file_that_is_no_notebook_has_no_outputs_to_clear():
    told = failures.advice(failed("predictions.npz is larger than 20 MB"))
    assert "no outputs to clear" in told
    notebook = failures.advice(failed("tiny.ipynb is larger than 20 MB; clear its outputs"))
    assert "Clear Outputs" in notebook


def test_a_students_page_does_not_ask_for_what_the_student_cannot_mend():
    record = failed("grading it failed (OSError)", is_final=False)
    page = feedback_page.page({"cells": []}, record, [], "Tiny")
    assert "nothing for you to do" in page and "again.</li>" in page
    assert "Submit the" not in page


def verdict(score: float, *words: str) -> Verdict:
    return Verdict("scaled_test", 4, score, 1, 2, None, words)


def test_the_graders_table_tells_what_the_page_tells(capsys):
    notes = (
        "This assignment may import numpy: the cell was not run.",
        "The cell other ended the Python process.",
        "The cell third is not in the notebook; it counts as not written.",
    )
    stopped = "The hidden tests' cell ran longer than 20 s."
    record = Record(
        NAME, "ada", "graded", verdicts=(verdict(2, "It is off.", stopped),), notes=notes
    )
    entered = {NAME: {"ada": [Points("scaled_test", 2.0, 3.5, None, True)]}}
    print_records([record], entered=entered)
    shown = " ".join(re.sub("[│┃]", " ", capsys.readouterr().out).split())
    for told in (*notes, stopped, "It is off."):
        assert told in shown
    assert (
        "scaled_test: the 3.5 from a person waits to be checked again; the machine gives 2."
        in shown
    )


@pytest.mark.parametrize(
    "points", [Points("a", 2.0, 3.0, None, False), Points("a", None, 3.0, None, True)]
)
def test_only_points_that_stand_in_for_the_machines_are_checked_again(points):
    assert not points.is_override_to_check


def test_an_override_that_waits_again_is_told_everywhere(course, capsys):
    def nbjudge(*words: str) -> str:
        assert cli.main(["--course", str(course.root), *words]) == 0
        return capsys.readouterr().out

    hand_in(course, "ada", answered(course, scaled=WRONG))
    nbjudge("grade", NAME)
    with open_gradebook(course) as gradebook:
        gradebook.find_student("ada")
        for cell, points in (("scaled_test", 3), ("task", 1)):
            grade = gradebook.find_grade(cell, NAME, NAME, "ada")
            grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()
    page = course.feedback("ada", NAME) / f"{NAME}.html"
    assert "waits to be checked" not in nbjudge("grade", NAME)
    nbjudge("feedback", NAME)
    assert "once more" not in page.read_text()

    shown = nbjudge("grade", NAME, "--force")
    assert "the 3 from a person waits to be checked again; the machine gives 0." in shown
    nbjudge("feedback", NAME)
    text = page.read_text()
    assert "A person gave these points before your notebook was graded again" in text
    assert "One score of a person's" in text and "so far" in text
    shown = nbjudge("grades", NAME, "--out", str(course.root / "grades.csv"))
    assert "waits for a person to look again at scaled_test" in shown
