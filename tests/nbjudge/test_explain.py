"""An explanation shows an instructor every observation, and never enters anything."""

import re

import pytest
from small_course import NAME, answered, hand_in, two_exercises

from nbjudge import cli
from nbjudge.api import Course, CourseError
from nbjudge.core.files import digest
from nbjudge.gradebook.connection import open_gradebook

RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
HALF = (
    "def scaled(values, factor):\n"
    "    if len(values) == 1:\n        raise ValueError('one <b>')\n"
    "    return factor * values + 1e-3"
)


@pytest.fixture
def explain(course, executor):
    """Explain a submission of the tiny course."""

    def of(scaled: str, *cell: str):
        hand_in(course, "ada", answered(course, scaled=scaled))
        return Course.open(course.root, executor=executor).explain(NAME, "ada", *cell)

    return of


def test_each_observation_has_what_came_what_was_expected_and_the_gap(explain):
    (cell,) = explain(HALF).cells
    tripled, halved = cell.compared
    assert (tripled.matches, halved.matches) == (False, False)
    (way,) = tripled.ways
    assert way.came.startswith("float64 (5,) [") and way.expected.startswith("float64 (5,) [")
    assert tripled.rule == "close(rtol=0.0001, atol=0)"
    assert float(way.gap) > 1 and len(way.numbers) == 5
    worst = way.numbers[0]
    assert float(worst.gap) == pytest.approx(1e-3, rel=1e-3)
    assert float(worst.gap) / float(worst.tolerance) == pytest.approx(float(way.gap), rel=1e-2)
    assert halved.ways[0].came == "ValueError: one <b>" and not halved.ways[0].gap


def test_right_answers_match_and_known_mistakes_are_told(explain):
    (right,) = explain(RIGHT).cells
    assert all(one.matches for one in right.compared)
    assert all(not like.is_complete for like in right.mistakes)
    (added,) = explain(ADDED).cells
    assert {like.mistake: like.equal for like in added.mistakes} == {"added": 2, "in_place": 0}
    assert added.verdict.mistake == "added"
    assert added.compared[0].mistakes == ("added",)


def test_what_was_sent_twice_or_not_at_all_is_said(explain):
    (cell,) = explain(
        "from nbjudge import observe\n"
        "def scaled(values, factor):\n"
        "    if len(values) > 1:\n"
        "        observe('five values tripled', abs, 1)\n        observe('mine', abs, 1)\n"
        "    return factor * values"
    ).cells
    assert cell.compared[0].ways[0].came == "more than one value under this name"
    assert cell.unexpected == ("mine",)
    (gone,) = explain("import os\nos._exit(1)").cells
    assert [one.ways[0].came for one in gone.compared] == ["nothing", "nothing"]


def test_a_cell_that_was_left_out_and_a_refused_import_are_notes(explain):
    notes = explain("import os\nos._exit(1)").notes
    assert any("The cell scaled" in note for note in notes)
    assert any("may import" in note for note in explain("import requests\n" + RIGHT).notes)


def test_a_failed_submission_has_its_reason(course, executor):
    hand_in(course, "ada", "{")
    found = Course.open(course.root, executor=executor).explain(NAME, "ada")
    assert found.record.status == "failed" and "not valid JSON" in found.record.reason


def test_one_cell_of_several(build_tiny, executor):
    course = build_tiny(notebook=two_exercises(points=2))
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    opened = Course.open(course.root, executor=executor)
    assert len(opened.explain(NAME, "ada").cells) == 2
    (cell,) = opened.explain(NAME, "ada", "shifted_test").cells
    assert cell.verdict.grade_id == "shifted_test"
    with pytest.raises(CourseError, match="no cell 'shifted' in tiny; did you mean 'shifted_test'"):
        opened.explain(NAME, "ada", "shifted")
    with pytest.raises(CourseError, match="no submission of tiny by 'bob'"):
        opened.explain(NAME, "bob")


def test_the_command_prints_it_and_writes_a_page_beside_the_gradebook(course, capsys):
    hand_in(course, "ada", answered(course, scaled=HALF))
    words = ["--course", str(course.root)]
    assert cli.main([*words, "grade", NAME]) == 0
    with open_gradebook(course) as gradebook:
        found = gradebook.find_grade("scaled_test", NAME, NAME, "ada")
        found.manual_score = 3
        gradebook.db.commit()
    before = digest((course.root / "gradebook.db").read_bytes())
    capsys.readouterr()
    assert cli.main([*words, "explain", NAME, "ada", "scaled_test"]) == 0
    shown = capsys.readouterr().out
    assert "0 of 4 (in the gradebook: 0 from the machine, 3 from a person, which counts)" in shown
    assert "ValueError: one <b>" in shown and "tolerances" in shown
    assert cli.main([*words, "explain", NAME, "ada", "--html"]) == 0
    page = (course.root / "explained" / "ada" / f"{NAME}.html").read_text()
    assert "ValueError: one &lt;b&gt;" in page and "<script" not in page
    assert "3 from a person, which counts" in page
    assert digest((course.root / "gradebook.db").read_bytes()) == before


def test_nothing_of_it_is_on_the_students_page(course, executor):
    hand_in(course, "ada", answered(course, scaled=HALF))
    opened = Course.open(course.root, executor=executor)
    (cell,) = opened.explain(NAME, "ada").cells
    opened.grade(NAME)
    assert cli.main(["--course", str(course.root), "feedback", NAME]) == 0
    page = (course.feedback("ada", NAME) / f"{NAME}.html").read_text()
    hidden = [number.expected for number in cell.compared[0].ways[0].numbers]
    assert len(hidden) == 5 and not any(number in page for number in hidden)
    assert not re.search("explained", page)
