"""The instructors' report: right numbers, the right people, and none of them where it is shared."""

import csv
import re
from html.parser import HTMLParser

import pytest
from invented_class import invented, rendered
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from small_course import COURSE, NAME, answered, cell_named, code, hand_in, text
from test_similarity import COPIED, renamed

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person
from nbjudge.gradebook import students
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.pages import charts, class_results, report
from nbjudge.pages.class_results import Results
from nbjudge.workflow import grade

RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
IN_PLACE = "def scaled(values, factor):\n    values *= factor\n    return values"
PEOPLE = {
    "ada": ("Ada", "Lovelace"), "bob": ("Bob", "Kahn"), "cleo": ("Cleo", "Patra"),
    "dan": ("Dan", "Ritchie"), "eve": ("Eve", "Dropper"), "zoe": ("Zoë", "Absent"),
}  # fmt: skip


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.text = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


def words(page):
    return " ".join(" ".join(Elements(page).text).split())


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def graded(course, executor):
    """Right, two mistakes, nothing written, a broken file; one of the roster handed in nothing."""
    students.enter(
        course,
        [Person(who, *names, f"{who}@example.org", "") for who, names in PEOPLE.items()],
    )
    hand_in(course, "ada", answered(course, scaled=RIGHT, answer_task="Because."))
    hand_in(course, "bob", answered(course, scaled=ADDED, answer_task="So."))
    hand_in(course, "cleo", answered(course, scaled=ADDED))
    hand_in(course, "dan", answered(course))
    hand_in(course, "eve", "{")
    grade.grade(course, NAME, executor)
    return course


def write(course, **settings):
    folder = course.root / "report"
    page, *_ = report.write_report(course, [NAME], folder, **settings)
    return page.read_text(), folder


def test_the_numbers_and_who_is_behind_them(graded):
    page, folder = write(graded)
    said = words(page)
    assert "5 of 6 submitted" in order(page) and "4 graded" in order(page)
    assert "1 failed" in order(page) and "0 of 4 median" in order(page)
    assert "1 question (1 point) waits for a person to grade and is in no total yet." in said
    assert "The factor was added to the values, not multiplied with them." in said
    assert "Bob Kahn" in said and "The notebook is not valid JSON" in said and "Eve Dropper" in said
    assert "1 student on the roster has submitted nothing. Zoë Absent" in said
    code, task = rows(folder / "questions.csv")
    assert code == {
        "assignment": NAME, "question": "scaled_test", "kind": "code", "points": "4",
        "graded": "4", "mean": "1.000", "difficulty": "0.250", "discrimination": "",
        "full": "1", "part": "0", "none": "3", "omitted": "1", "omitted_rate": "0.250",
    }  # fmt: skip
    assert (task["kind"], task["graded"], task["omitted"]) == ("task", "0", "2")
    (mistake,) = rows(folder / "misconceptions.csv")
    assert (mistake["mistake"], mistake["students"], mistake["who"]) == ("added", "2", "bob cleo")
    students = {row["student"]: row for row in rows(folder / "students.csv")}
    assert {name: row["status"] for name, row in students.items()} == {
        "ada": "graded", "bob": "graded", "cleo": "graded", "dan": "graded", "eve": "failed",
        "zoe": "nothing submitted",
    }  # fmt: skip
    assert students["ada"]["points"] == "4" and students["eve"]["points"] == ""
    assert students["dan"]["omitted"] == "scaled_test task"
    assert float(students["ada"]["seconds"]) > 0


def order(page):
    """The facts at the top as they are seen, the number before its word."""
    facts = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)
    return [f"{re.sub('<.*?>', '', number)} {what}" for what, number in facts]


def test_points_by_people_count_as_soon_as_they_are_given(graded):
    with open_gradebook(graded) as gradebook:
        for student, points in (("ada", 1.0), ("bob", 0.5)):
            found = gradebook.find_grade("task", NAME, NAME, student)
            found.manual_score, found.needs_manual_grade = points, False
        gradebook.db.commit()
    page, folder = write(graded)
    assert "wait for a person" not in words(page) and "0.25 of 5 median" in order(page)
    code, task = rows(folder / "questions.csv")
    assert (task["graded"], task["mean"], task["full"], task["part"]) == ("2", "0.750", "1", "1")
    assert float(code["mean"]) == 1


def test_a_failed_submission_that_a_person_has_graded_is_graded(graded):
    with open_gradebook(graded) as gradebook:
        for entry in gradebook.find_submission_notebook(NAME, NAME, "eve").grades:
            entry.manual_score, entry.needs_manual_grade = entry.max_score, False
        gradebook.db.commit()
    found = class_results.gather(graded, NAME)
    (eve,) = [paper for paper in found.papers if paper.person.student == "eve"]
    assert eve.status == "graded" and class_results.total(eve) == 5


def test_lateness_is_off_the_points_but_not_off_the_questions(course, executor):
    (course.root / "course.toml").write_text(
        f"{COURSE}due = 2026-01-01T00:00:00Z\nlate_penalty = 0.25\n"
    )
    course = find_course(course.root)
    path = hand_in(course, "ada", answered(course, scaled=RIGHT))
    path.with_name("timestamp.txt").write_text("2026-01-01 12:00:00 UTC\n")
    grade.grade(course, NAME, executor)
    _, folder = write(course)
    (ada,) = rows(folder / "students.csv")
    assert (ada["points"], ada["late_penalty"]) == ("3", "1")
    assert rows(folder / "questions.csv")[0]["mean"] == "4.000"


def test_the_shared_version_names_nobody(graded):
    for who, answer in (("fay", COPIED), ("gil", renamed(COPIED))):  # two similar ones
        hand_in(graded, who, answered(graded, scaled=answer))
    hand_in(graded, "henriette", "no notebook")
    assert cli.main(["--course", str(graded.root), "grade", NAME, "--jobs", "1"]) == 0
    page, folder = write(graded)
    assert "similar submissions" in page.lower() and "fay" in page and "henriette" in page
    shared = graded.root / "to share"
    written = report.write_report(graded, [NAME], shared, share=True)
    assert sorted(path.name for path in shared.iterdir()) == sorted(p.name for p in written)
    names = {*PEOPLE, "fay", "gil", "henriette", *(name for one in PEOPLE.values() for name in one)}
    for path in written:
        text = re.sub(r"<style>.*</style>", "", path.read_text(), flags=re.S)
        found = {name for name in names if re.search(rf"\b{name}\b", text, re.IGNORECASE)}
        assert not found and "@" not in text
        assert "alike" not in text and "href" not in text and "dbl" not in text
    said = words(written[0].read_text())
    assert "The factor was added to the values" in said and "2 submissions." in said
    with pytest.raises(CourseError, match=r"students.csv has names in it"):
        report.write_report(graded, [NAME], folder, share=True)


def test_pairs_stand_side_by_side(course, executor):
    for who, answer in (("fay", COPIED), ("gil", renamed(COPIED)), ("ida", RIGHT)):
        hand_in(course, who, answered(course, scaled=answer))
    grade.grade(course, NAME, executor)
    page, folder = write(course)
    (pair,) = rows(folder / "alike.csv")
    assert (pair["student"], pair["other"], pair["alike"]) == ("fay", "gil", "1.00")
    assert pair["cells"] == "scaled" and 0.5 < float(pair["verbatim"]) < 1
    assert "<b>100%</b> similar" in page
    assert "<mark>    table = {name: np.tanh(row) for name, row in enumerate(doubled)}" in page
    assert "<mark>  lookup = {name: np.tanh(row) for name, row in enumerate(dbl)}" in page


def test_cells_of_ones_own_are_compared_too(course, executor):
    for who in ("fay", "gil"):
        notebook = answered(course, scaled=RIGHT)
        notebook.cells.insert(3, new_code_cell(COPIED))
        hand_in(course, who, notebook)
    grade.grade(course, NAME, executor)
    _, folder = write(course)
    (pair,) = rows(folder / "alike.csv")
    assert "own_cell_after_imports" in pair["cells"].split()


def test_feedback_pages_are_one_click_away(graded):
    assert cli.main(["--course", str(graded.root), "feedback", NAME]) == 0
    page, folder = write(graded)
    links = [value for _, name, value in Elements(page).attributes if name == "href"]
    assert f"../feedback/bob/{NAME}/{NAME}.html" in links
    assert all((folder / link).resolve().is_file() for link in links)


HOSTILE = "</bdi><script>alert(1)</script><img src=x onerror=alert(1)>"
KNOWN = (
    "html head meta title style body main header p h1 h2 h3 h4 small dl dt dd div nav table thead"
    " tbody tr th td section figure figcaption svg line text rect span code i ol ul li bdi a"
    " details summary b pre mark"
).split()


def test_no_name_reason_or_source_is_markup():
    found = invented(40, name=HOSTILE, reason=HOSTILE, source=f"{COPIED}\n# {HOSTILE}\n'\u202e'")
    page = rendered([found])
    elements = Elements(page)
    assert elements.names <= set(KNOWN)
    assert not [name for _, name, _ in elements.attributes if name.startswith("on")]
    assert not [value for _, name, value in elements.attributes if name in ("src", "href")]
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert "\u202e" not in page and "url(" not in page and "@import" not in page


def test_tables_hold_no_formulas(graded):
    with open_gradebook(graded) as gradebook:
        gradebook.update_or_create_student("bob", first_name="=1+1", last_name="@SUM(A1)")
    _, folder = write(graded)
    bob = next(row for row in rows(folder / "students.csv") if row["student"] == "bob")
    assert bob["first_name"] == "'=1+1" and bob["last_name"] == "'@SUM(A1)"


def test_a_class_of_a_thousand_stays_a_page_one_can_read():
    found = invented(1000)
    everywhere = {
        name: {f"s{place:04}": float(place % 97) for place in range(1000)}
        for name in ("ps1", "ps2", NAME)
    }
    for place in range(50):
        everywhere[NAME][f"s{96 + 97 * (place % 10):04}"] = -50.0
    page = rendered([found], everywhere)
    assert len(page) < 400_000
    said = words(page)
    assert "10 students are at least 1.5 standard deviations lower" in said
    assert re.search(r"\d+ more, of \d+ students? or fewer each", said)
    assert "students who do better elsewhere do worse here" in said
    assert "left out by more than a quarter" in said
    assert "One that took far longer is not shown." in said
    assert "Far slower than the others: Student No. 0" in said
    before = page.partition('<details class="more">')[0]
    assert before.count('<div class="count">') == 10  # the commonest; the others are a click away


def test_ten_students_are_told_that_they_are_few():
    said = words(rendered([invented(10)]))
    assert "With 10 students it says little." in said
    assert "hardly discriminates between students" not in said
    assert "This needs two other problem sets that are graded." in said


def test_several_problem_sets_have_a_table_of_contents():
    one, other = invented(12), invented(15)
    other = Results(**{**vars(other), "name": "second", "title": "The second"})
    page = rendered([one, other])
    assert '<a href="#second">The second</a>' in page and 'id="second"' in page


def test_every_chart_says_in_words_what_it_shows():
    text = charts.histogram([0, 1, 1, 4], 4, "points", "students", 1)
    label = re.search('aria-label="(.*?)"', text)[1]
    assert label == "How many students have how many points. 0 to 0.5: 1; 1 to 1.5: 2; 3.5 to 4: 1."
    assert text.count('class="bin"') == 3
    assert "Nobody yet" in charts.histogram([], 4, "points", "students")


@pytest.mark.parametrize("highest", [0.0, 0.3, 1, 1.9, 4, 7.25, 25, 99, 100, 101, 12345.5])
def test_bins_are_few_and_round_and_hold_everybody(highest):
    edges = charts.bin_edges(highest)
    assert edges[0] == 0 and edges[-1] >= highest and 2 <= len(edges) <= 13
    assert edges[-2] < highest or highest == 0
    values = [highest * share / 1000 for share in range(1001)]
    assert sum(charts.counts(values, edges)) == 1001
    for value in values[::50]:
        (place,) = [n for n, count in enumerate(charts.counts([value], edges)) if count]
        assert edges[place] - 1e-6 <= value <= edges[place + 1] + 1e-6


def test_an_autograded_notebook_that_cannot_be_read_is_not_graded(graded):
    graded.autograded_notebook("ada", NAME).write_text("{")
    graded.autograded_notebook("bob", NAME).write_text("[]")
    graded.autograded_notebook("cleo", NAME).write_text('{"cells": [], "metadata": {}}')
    page, _ = write(graded)
    assert "3 not graded yet" in order(page)
    assert "3 submissions are not graded yet: nbjudge grade tiny" in words(page)


def test_an_answer_in_the_tasks_own_cell_is_not_omitted(course, executor):
    notebook = answered(course, task="Why is the sum not the product?\n\nBecause of carrying.")
    hand_in(course, "ada", notebook)
    grade.grade(course, NAME, executor)
    (paper,) = class_results.gather(course, NAME).papers
    assert paper.omitted == {"scaled_test"}


def test_a_name_that_no_file_can_hold_does_not_stop_the_report(graded):
    (graded.root / "submitted" / "\udcff" / NAME).mkdir(parents=True)
    page, folder = write(graded)
    assert "1 not graded yet" in order(page) and "\ufffd" in page
    assert "\ufffd" in [row["student"] for row in rows(folder / "students.csv")]


def test_each_question_knows_where_students_answer_it():
    files = {"nbjudge": {"scored_file": "texts.txt"}}
    extra = {"nbjudge": {"extra_credit": 2}}
    notebook = new_notebook(
        cells=[
            text("one", "## First part", locked=True),
            code("f", "def f(): ...", solution=True),
            code("g", "def g(): ...", solution=True),
            code("f_check", "f()", grade=True, points=0),
            code("f_test", "", grade=True, points=2),
            code("g_test", "", grade=True, points=1),
            text("two", "## Second part", locked=True),
            code("h", "def h(): ...", solution=True),
            code("bonus_test", "", grade=True, points=0),
            code("texts_test", "", grade=True, points=3),
            text("task_2_1", "### Why?", task=True, points=1),
            new_markdown_cell("YOUR ANSWER HERE", id="answer_2_1"),
            text("essay", "YOUR ANSWER HERE", solution=True, grade=True, points=4),
        ]
    )
    for name, metadata in (("bonus_test", extra), ("texts_test", files)):
        cell_named(notebook, name).metadata.update(metadata)
    found = {question.grade_id: question for question in class_results._questions(notebook)}
    assert list(found) == ["f_test", "g_test", "bonus_test", "texts_test", "task_2_1", "essay"]
    assert found["f_test"].cells == found["g_test"].cells == ("f", "g")
    assert found["f_test"].title == "First part" and found["g_test"].name == "g"
    assert found["bonus_test"].is_extra and found["bonus_test"].points == 2
    assert found["bonus_test"].cells == ("h",) and found["texts_test"].file == "texts.txt"
    assert found["task_2_1"].cells == ("answer_2_1",) and found["task_2_1"].title == "Why?"
    assert found["essay"].cells == ("essay",) and found["essay"].is_task


def test_a_file_that_was_not_handed_in_is_omitted(tmp_path):
    question = class_results.Question(
        "texts_test", "", "texts", 3.0, cells=("h",), file="texts.txt"
    )
    notebook = new_notebook(cells=[code("h", "def h(): return 1", solution=True)])
    solved = class_results._omitted([question], notebook, {"h": "def h(): ..."}, tmp_path)
    blank = class_results._omitted([question], notebook, {"h": notebook.cells[0].source}, tmp_path)
    assert solved == frozenset() and blank == {"texts_test"}
    (tmp_path / "texts.txt").write_text("So it goes.")
    assert not class_results._omitted(
        [question], notebook, {"h": notebook.cells[0].source}, tmp_path
    )


def test_what_only_some_have_been_graded_for_compares_nobody(graded):
    with open_gradebook(graded) as gradebook:
        found = gradebook.find_grade("task", NAME, NAME, "ada")
        found.manual_score, found.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    assert class_results.totals(graded) == {NAME: {"ada": 4, "bob": 0, "cleo": 0, "dan": 0}}


def test_one_who_is_graded_by_hand_in_part_takes_nothing_from_the_others(course, executor):
    for number in range(12):
        hand_in(course, f"s{number:02}", answered(course, scaled=RIGHT))
    hand_in(course, "torn", "{")
    grade.grade(course, NAME, executor)
    with open_gradebook(course) as gradebook:  # of what failed, only the written task
        found = gradebook.find_grade("task", NAME, NAME, "torn")
        found.manual_score, found.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    assert class_results.totals(course) == {NAME: {f"s{number:02}": 4 for number in range(12)}}


def test_the_command(graded, capsys):
    assert cli.main(["--course", str(graded.root), "report"]) == 0
    assert "report/report.html" in capsys.readouterr().out
    assert (graded.root / "report" / "students.csv").exists()
    assert cli.main(["--course", str(graded.root), "report", NAME, "--share"]) == 0
    assert not (graded.root / "report_to_share" / "students.csv").exists()
    elsewhere = str(graded.root / "elsewhere")
    assert cli.main(["--course", str(graded.root), "report", "--share", "--out", elsewhere]) == 0
    named = str(graded.root / "report")
    assert cli.main(["--course", str(graded.root), "report", "--share", "--out", named]) == 1
    assert "has names in it: choose another folder with --out." in capsys.readouterr().err


def test_reading_changes_nothing(graded):
    before = {path: path.read_bytes() for path in graded.root.rglob("*") if path.is_file()}
    write(graded)
    after = {path: path.read_bytes() for path in graded.root.rglob("*") if path.is_file()}
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert changed == {
        "report.html", "questions.csv", "misconceptions.csv", "students.csv", "alike.csv"
    }  # fmt: skip
