"""Points over the term: weights, the lowest that do not count, and nobody's silent zero."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_notebook

from nbjudge import cli
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import notebook_text
from nbjudge.core.people import Person
from nbjudge.core.term import Total, add_up
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.judge.verdicts import Record, attach
from nbjudge.pages import report
from nbjudge.workflow import totals

SETS = "".join(
    f'[[assignment]]\nname = "{name}"\ntitle = "Set {name}"\npackages = []\n'
    for name in ("one", "two", "three")
)
WEIGHTS = "[course]\ndrop_lowest = 1\nweights = {one = 20, two = 30, three = 50}\n"
POINTS = {"one": 10, "two": 5, "three": 8}  # the most of each

SCORES = {  # None: waits for a person; "": submitted nothing; "!": failed
    "ada": {"one": 10, "two": 5, "three": 8},
    "bob": {"one": 5, "two": "", "three": 4},
    "cleo": {"one": 5, "two": None, "three": 8},
    "dan": {"one": 10, "two": "!", "three": 8},
}


def enter(course: Course, scores: dict[str, dict[str, object]]) -> None:
    """Enter a class in the gradebook, and leave the files that grading leaves."""
    with open_gradebook(course) as gradebook:
        for name, points in POINTS.items():
            gradebook.add_assignment(name)
            gradebook.add_notebook(name, name)
            gradebook.add_grade_cell("test", name, name, max_score=points, cell_type="code")
        for student, own in scores.items():
            gradebook.add_student(student)
            for name, score in own.items():
                if score != "":
                    enter_one(course, gradebook, student, name, score)


def enter_one(course: Course, gradebook, student: str, name: str, score: object) -> None:
    course.submitted(student, name).mkdir(parents=True)
    with gradebook.db.no_autoflush:
        gradebook.add_submission(name, student)
    grade = gradebook.find_grade("test", name, name, student)
    is_graded = isinstance(score, int)
    grade.auto_score, grade.needs_manual_grade = score if is_graded else None, not is_graded
    gradebook.db.commit()
    notebook = new_notebook()
    attach(Record(name, student, "failed" if score == "!" else "graded", "cut off"), notebook)
    path = course.autograded_notebook(student, name)
    path.parent.mkdir(parents=True)
    path.write_text(notebook_text(notebook))


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    """A course with weights, and a class of four; no test changes it."""
    folder = tmp_path_factory.mktemp("term")
    (folder / "course.toml").write_text(WEIGHTS + SETS)
    course = find_course(folder)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    enter(course, SCORES)
    return course


def by_student(found: list[Total]) -> dict[str, Total]:
    return {total.person.student: total for total in found}


def test_weights_and_the_lowest_that_does_not_count(term):
    found = by_student(totals.totals(term))
    assert (found["ada"].points, found["ada"].maximum) == (100, 100)
    bob = found["bob"]  # a half and a half; nothing submitted is the lowest
    assert (bob.points, bob.dropped, bob.missing) == (50, ("two",), ("two",))


def test_what_waits_or_failed_holds_a_total_back(term):
    found = by_student(totals.totals(term))
    assert found["cleo"].status == "two: waits for a person to grade"
    assert found["dan"].status == "two: failed: cut off"
    assert not found["cleo"].is_graded and not found["dan"].is_graded


def test_so_far_leaves_out_what_nobody_knows(term):
    found = by_student(totals.totals(term, so_far=True))
    dan = found["dan"]
    assert (dan.points, dan.maximum, dan.status) == (70, 70, "graded")


def test_an_assignment_that_nobody_is_graded_in_holds_every_total_back(tmp_path):
    (tmp_path / "course.toml").write_text(WEIGHTS + SETS)
    course = find_course(tmp_path)
    enter(course, {"ada": {"one": 10, "two": 5, "three": ""}, "bob": {"one": 5, "two": 5}})
    for total in totals.totals(course):
        assert total.status == "nobody is graded in three yet"
    found = by_student(totals.totals(course, so_far=True))
    assert (found["ada"].points, found["ada"].maximum) == (50, 50)
    assert found["bob"].dropped == ("one",)


def test_without_weights_points_add_up(tmp_path):
    (tmp_path / "course.toml").write_text(SETS)
    course = find_course(tmp_path)
    enter(course, SCORES)
    found = by_student(totals.totals(course))
    assert (found["bob"].points, found["bob"].maximum) == (9, 23)


def test_grades_without_names_are_all_with_totals_in_the_last_rows(term, capsys):
    path = term.root / "grades.csv"
    assert cli.main(["--course", str(term.root), "grades", "--out", str(path)]) == 0
    rows = list(csv.DictReader(path.open()))
    assert [row["assignment"] for row in rows] == [
        *(name for name in POINTS for _ in SCORES), *["total"] * 4
    ]  # fmt: skip
    ada, bob, cleo, dan = rows[-4:]
    assert (ada["points"], ada["maximum"]) == ("100", "100")
    assert (bob["points"], bob["status"]) == ("50", "graded; two is dropped")
    assert (cleo["points"], dan["points"]) == ("", "")
    assert "2 totals over the term, in the last rows; 2 still wait." in capsys.readouterr().out
    assert cli.main(["--course", str(term.root), "grades", "one", "--out", str(path)]) == 0
    assert {row["assignment"] for row in csv.DictReader(path.open())} == {"one"}


def test_grades_go_into_an_lmss_file_for_one_problem_set_only(term, capsys):
    words = ["grades", "--into", "a.csv", "--out", str(term.root / "b.csv")]
    assert cli.main(["--course", str(term.root), *words]) == 1
    assert "one problem set at a time" in capsys.readouterr().err


def test_the_report_has_them_and_names_nobody_to_share(term):
    found = totals.totals(term, so_far=True)
    page = report.page(term, [], term=report.term_section(term, found))
    assert "Over the term, so far" in page and "Set three 50" in page
    assert "The lowest one does not count." in page and "100 of 100" in page
    shared = report.page(term, [], share=True, term=report.term_section(term, found, share=True))
    assert "Over the term, so far" in shared and "ada" not in shared
    assert report.term_section(term, []) is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("course = 3\n", "must be a table of settings, not 3"),
        ("course.wieghts = {}\n", "unknown table 'wieghts'; did you mean 'weights'"),
        ("course.term = 2027\n", "term must be text"),
        ("course.weights = 3\n", "weights must be a table of numbers"),
        ("course.weights = {ones = 3}\n", "there is no assignment 'ones'"),
        ("course.weights = {one = -1}\n", "weights must be a table of numbers of at least 0"),
        ("course.weights = {one = true}\n", "weights must be a table of numbers of at least 0"),
        ("course.weights = {one = 0}\n", "one of the weights must be above 0"),
        ("course.drop_lowest = 3\n", "drop_lowest can be at most 2"),
        ("course.drop_lowest = 1\ncourse.weights = {one = 1, two = 0}\n", "can be at most 0"),
        ("course.drop_lowest = true\n", "drop_lowest must be a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, settings, reason):
    (tmp_path / "course.toml").write_text(settings + SETS)
    with pytest.raises(CourseError, match=reason):
        find_course(tmp_path)


SHARES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1.5), min_size=1)
WORTH = st.fixed_dictionaries({name: st.floats(0.5, 100) for name in "abcdef"})


@given(WORTH, SHARES, st.integers(0, 8))
def test_dropping_the_lowest_never_costs_points(weights, shares, drop):
    points, dropped = add_up(weights, shares, drop)
    without, _ = add_up(weights, shares, 0)
    assert points >= without - 1e-9 * sum(weights.values())
    assert len(dropped) == min(drop, len(shares) - 1)
    kept = [shares[name] for name in shares if name not in dropped]
    assert all(shares[name] <= min(kept) for name in dropped)


@given(WORTH, st.floats(0, 1.5), st.integers(0, 5))
def test_the_same_share_everywhere_is_that_share_of_the_total(weights, share, drop):
    points, _ = add_up(weights, dict.fromkeys(weights, share), drop)
    assert points == pytest.approx(share * sum(weights.values()))


def test_who_is_ranked_has_a_name():
    total = Total(Person("ada", "Ada", "Lovelace", "", ""), "graded", 3.0, 4.0)
    assert report._total_table([total])[1] == [
        "ada", "Lovelace", "Ada", "", "3", "4", "", "", "graded"
    ]  # fmt: skip
