"""An instructor's and a TA's day in JupyterLab: writing, grading, giving back.

LMLIB_SCREENSHOTS=1 also writes docs/create_assignment.png and docs/manual_grading.png.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbformat import NotebookNode
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Locator, Page, Route, expect

from nbjudge.authoring import build, normalise
from nbjudge.core.course import Course
from nbjudge.core.notebooks import points, read_notebook
from nbjudge.core.people import Person
from nbjudge.gradebook import students
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.judge.verdicts import Record
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import feedback, grade, grades
from tests.browser.jupyter import choose, needs_chromium, open_notebook
from tests.nbjudge.small_course import (
    NAME,
    answered,
    cell_named,
    hand_in,
    tiny_notebook,
    write_course,
)

ROOT = Path(__file__).parents[2]
NOTEBOOK = f"source/{NAME}/{NAME}.ipynb"

TASK = r"""## Why does it forget?

The hidden state is $h_t = \tanh(W h_{t-1} + U x_t)$. Say in two sentences why a text that was read
long ago hardly changes it.

### BEGIN MARK SCHEME
- One point: each step multiplies with $W$ and squashes, so what was there shrinks.
- One point: it shrinks by a factor at **each** step, so it falls exponentially.
### END MARK SCHEME"""

ANSWER = (
    r"*Because* each step multiplies by $W$, and $|\tanh(x)| \le |x|$, what was there **shrinks**."
)
HOSTILE = """A reason of mine.
<script>window.top.acted = window.acted = true</script>
<img src="x" onerror="window.top.acted = window.acted = true">
<iframe srcdoc="<script>window.top.acted = true</script>"></iframe>"""

RIGHT = "def scaled(values, factor):\n    return values * factor"
ADDED = "def scaled(values, factor):\n    return values + factor"
MACHINE = {"ada": 4, "alan": 0, "grace": 4}  # points that the machine gives
PEOPLE = {"ada": "Lovelace, Ada", "alan": "Turing, Alan", "grace": "Hopper, Grace"}
BROKEN = "katherine"  # her file is cut off

pytestmark = needs_chromium


def _source() -> NotebookNode:
    """The tiny notebook, with a written task of two points and metadata of our own."""
    notebook = tiny_notebook()
    task = cell_named(notebook, "task")
    task.source, task.metadata.nbgrader.points = TASK, 2
    cell_named(notebook, "imports").metadata["tags"] = ["experiment"]
    cell_named(notebook, "scaled").metadata["nbjudge"] = {"kept": True}
    return normalise.normalised(notebook)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The tiny course in git, released, with four submissions, one of which is broken."""
    course = write_course(tmp_path_factory.mktemp("instructor") / "course", _source())
    shutil.copy(ROOT / ".gitattributes", course.root)
    (course.root / ".gitignore").write_text("*\n!/source/\n!/source/**\n")
    _git(course, "init", "--quiet")
    text = f'"{sys.executable}" -m nbjudge.authoring.normalise --text'
    _git(course, "config", "diff.notebook.textconv", text)
    _git(course, "add", ".")
    with ThreadPoolExecutor(2) as threads:
        build.build(course, NAME, NotebookExecutor(threads, Isolation()), lambda *_: None)
    hand_in(course, "ada", answered(course, scaled=RIGHT, answer_task=ANSWER))
    hand_in(course, "alan", answered(course, scaled=ADDED, answer_task=HOSTILE))
    hand_in(course, "grace", answered(course, scaled=RIGHT, answer_task="It overflows."))
    hand_in(course, BROKEN, '{"cells": [')
    names = {student: name.split(", ") for student, name in PEOPLE.items()}
    students.enter(
        course, [Person(student, *reversed(name), "", "") for student, name in names.items()]
    )
    return course


def _git(course: Course, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=course.root, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def home(course: Course) -> Path:
    """The course's folder."""
    return course.root


@pytest.fixture(scope="module")
def page(browser: Browser, jupyterlab: str, wrong: list[str]) -> Page:
    """A window of the browser, to be used for one thing after the other."""
    page = browser.new_page(viewport={"width": 1500, "height": 1100})

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", note)
    page.on("request", lambda request: wrong.extend(_from_outside(request.url, jupyterlab)))
    return page


def _from_outside(url: str, address: str) -> list[str]:
    is_ours = url.startswith((address, address.replace("http", "ws"), "data:", "blob:", "about:"))
    return [] if is_ours else [url]


# Writing


@pytest.fixture
def source(page: Page, course: Course, jupyterlab: str) -> Page:
    """The source notebook as it is in git, open in JupyterLab."""
    _git(course, "checkout", "--quiet", ".")
    open_notebook(page, jupyterlab, NOTEBOOK)
    return page


def _save(page: Page) -> None:
    page.keyboard.press("Escape")  # out of the cell, so that the notebook has the shortcut
    with page.expect_response(
        lambda response: response.request.method == "PUT" and NOTEBOOK in response.url
    ) as saved:
        page.keyboard.press("Control+s")
    assert saved.value.ok


def _changed(course: Course) -> list[str]:
    """The lines that `git diff` shows as gone or new."""
    lines = _git(course, "diff", "--unified=0").splitlines()
    return [line for line in lines if re.match(r"[+-](?!\+\+|--)", line)]


def _changed_once_formatted(course: Course) -> int:
    """How many lines of the file are new in git, once `make format` has been there."""
    normalise.main([str(course.root / NOTEBOOK)])
    numbers = _git(course, "diff", "--no-textconv", "--numstat").split()
    return int(numbers[0]) if numbers else 0


def _panel(page: Page) -> Locator:
    """The panel Create Assignment of the notebook that is open."""
    panel = page.locator(".nbgrader-CreateAssignmentWidget")
    if not panel.is_visible():
        page.get_by_role("tab", name="Create Assignment").click()
    expect(panel.locator(".nbgrader-CellWidget")).to_have_count(len(_source().cells))
    return panel


LISTED = """widgets => widgets.map(widget => [
  widget.querySelector("select").selectedOptions[0].text,
  ...[".nbgrader-CellId", ".nbgrader-CellPoints"].map(
    part => widget.querySelector(part + ":not(.nbgrader-mod-uneditable) input")?.value ?? "")])"""


def test_the_panel_lists_each_cell_with_its_type_id_and_points(source: Page) -> None:
    panel = _panel(source)
    assert panel.locator(".nbgrader-CellWidget").evaluate_all(LISTED) == [
        ["-", "", ""],
        ["Read-only", "imports", ""],
        ["Autograded answer", "scaled", ""],
        ["Autograded tests", "scaled_check", "0"],
        ["Autograded tests", "scaled_test", "4"],
        ["Manually graded task", "task", "2"],
        ["-", "", ""],
    ]
    expect(panel.locator(".nbgrader-TotalPointsInput")).to_have_value("6")
    if "LMLIB_SCREENSHOTS" in os.environ:
        source.screenshot(path=ROOT / "docs" / "create_assignment.png")


def test_points_changed_in_the_panel_are_saved_and_nothing_else(
    source: Page, course: Course
) -> None:
    panel = _panel(source)
    field = panel.locator(".nbgrader-CellPoints input").nth(4)
    field.fill("3")
    field.press("Tab")
    expect(panel.locator(".nbgrader-TotalPointsInput")).to_have_value("5")
    _save(source)
    assert _changed(course) == [
        "-# --- code scaled_test (4 points)",
        "+# --- code scaled_test (3 points)",
    ]
    assert _changed_once_formatted(course) == 1
    saved = read_notebook(course.root / NOTEBOOK)
    assert points(cell_named(saved, "scaled_test")) == 3
    assert cell_named(saved, "scaled").metadata["nbjudge"] == {"kept": True}
    assert cell_named(saved, "imports").metadata["tags"] == ["experiment"]


def _nothing(page: Page) -> None:
    pass


def _add_a_sentence(page: Page) -> None:
    page.locator(".jp-MarkdownCell p").filter(has_text="hardly changes it.").click()
    page.keyboard.press("Enter")
    expect(page.locator(".jp-MarkdownCell.jp-mod-active .cm-content")).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.type(" And why?")
    page.keyboard.press("Shift+Enter")


def _run_all(page: Page) -> None:
    choose(page, "Run", "Run All Cells")
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("one value halved")
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()


@pytest.mark.parametrize(
    ("edit", "shown"),
    [
        (_nothing, []),
        (_add_a_sentence, ["-## Why does it forget?", "+## Why does it forget? And why?"]),
        (_run_all, []),
    ],
)
def test_git_shows_what_was_edited_and_nothing_that_jupyterlab_adds(
    source: Page, course: Course, edit: Callable[[Page], None], shown: list[str]
) -> None:
    edit(source)
    _save(source)
    assert (
        _git(course, "diff", "--no-textconv", "--numstat") != ""
    )  # the kernel's language at least
    assert _changed(course) == shown
    assert _changed_once_formatted(course) == len(shown) // 2


# Grading


@pytest.fixture(scope="module")
def formgrader(page: Page, jupyterlab: str, course: Course) -> FrameLocator:
    """The formgrader, as the menu opens it."""
    _git(course, "checkout", "--quiet", ".")
    open_notebook(page, jupyterlab, NOTEBOOK)
    choose(page, "Nbgrader", "Formgrader")
    return page.frame_locator("iframe[src*=formgrader]")


def _row(formgrader: FrameLocator, text: str) -> Locator:
    return formgrader.locator("#main-table tr").filter(has_text=re.compile(text))


def _press(formgrader: FrameLocator, student: str, button: str) -> str:
    """Press a button in a student's row, close the window that tells how it went; its title."""
    _row(formgrader, student).locator(f".{button} a").click()
    window = formgrader.locator(".modal.in")
    title = window.locator(".modal-title").inner_text()
    window.get_by_role("button", name="OK").click()
    expect(window).to_have_count(0)
    return title


def _open_submissions(formgrader: FrameLocator) -> None:
    """Go to the list of submissions with their buttons."""
    _go(formgrader, "Manage Assignments")
    _row(formgrader, NAME).locator(".num-submissions a").click()


def _open_answers(formgrader: FrameLocator, name: str) -> None:
    """Go to the page where people grade a submission, by its student's name or by its number."""
    _go(formgrader, "Manual Grading", NAME)
    expect(_row(formgrader, NAME)).to_have_count(1)
    _go(formgrader, NAME)
    expect(_row(formgrader, "Submission #")).to_have_count(len(PEOPLE) + 1)
    if not name.startswith("Submission"):
        formgrader.get_by_role("button", name="Show All Names").click()
    _go(formgrader, name)
    expect(formgrader.locator("#task")).to_be_visible()


def _tab_to(page: Page, field: Locator) -> None:
    """Press Tab until `field` has the focus."""
    for _ in range(20):
        if field.evaluate("field => field === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("Tab does not get there.")


def _grade_by_keyboard(page: Page, points: str, comment: str) -> None:
    """Type points, pass the field for extra credit, and type a comment."""
    page.keyboard.type(points)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(comment)


def _go(formgrader: FrameLocator, *links: str) -> None:
    """Follow links of the formgrader by their names."""
    for link in links:
        formgrader.get_by_role("link", name=link, exact=True).first.click()


def test_the_formgraders_button_grades_as_lmlib_does(
    formgrader: FrameLocator, course: Course
) -> None:
    expect(_row(formgrader, NAME).locator(".num-submissions")).to_have_text("4")
    _open_submissions(formgrader)
    outcomes = {}
    for student, name in PEOPLE.items():
        expect(_row(formgrader, student)).to_contain_text(name)
        outcomes[student] = _press(formgrader, student, "autograde")
        expect(_row(formgrader, student).locator(".status")).to_have_text("needs manual grading")
        score = f"{MACHINE[student]} / 6"
        expect(_row(formgrader, student).locator(".score")).to_have_text(score)
    assert set(outcomes.values()) == {"Success"}
    found = {
        record.student: sum(verdict.score for verdict in record.verdicts)
        for record in _graded(course, force=True)
    }
    assert found == MACHINE


def _graded(course: Course, force: bool = False) -> list[Record]:
    """Grade all, as `nbjudge grade` does; the records of those that could be graded."""
    with ThreadPoolExecutor(2) as threads:
        records = grade.grade(course, NAME, NotebookExecutor(threads, Isolation()), force=force)
    return [record for record in records if record.status == "graded"]


def test_a_broken_submission_is_told_and_waits_for_a_person(
    formgrader: FrameLocator, course: Course
) -> None:
    _open_submissions(formgrader)
    assert _press(formgrader, BROKEN, "autograde") == "Error"
    expect(_row(formgrader, BROKEN).locator(".status")).to_have_text("needs autograding")
    _graded(course)
    _open_submissions(formgrader)
    expect(_row(formgrader, BROKEN).locator(".status")).to_have_text("needs manual grading")
    _open_answers(formgrader, BROKEN)
    expect(formgrader.get_by_text("could not be graded automatically")).to_be_visible()
    expect(formgrader.get_by_text("not valid JSON")).to_be_visible()


def test_the_mark_scheme_stands_between_question_and_answer(
    formgrader: FrameLocator, course: Course
) -> None:
    _graded(course)
    _open_answers(formgrader, PEOPLE["ada"])
    texts = [
        formgrader.get_by_text("The hidden state is"),
        formgrader.get_by_text("Mark scheme", exact=True),
        formgrader.get_by_text("each step multiplies by"),
    ]
    heights = [box["y"] for text in texts if (box := text.bounding_box())]
    assert len(heights) == 3 and heights == sorted(heights)
    for text in (texts[0], texts[2]):
        expect(text.locator("math").first).to_be_visible()
        assert "$" not in text.inner_text()


def test_what_a_student_wrote_cannot_act_as_the_grader(
    page: Page, formgrader: FrameLocator, course: Course
) -> None:
    _graded(course)
    _open_answers(formgrader, PEOPLE["alan"])
    expect(formgrader.get_by_text("A reason of mine.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [frame.evaluate("window.acted ?? null") for frame in page.frames] == [None, None]
    for element in ("img", "iframe", "script"):
        expect(formgrader.locator(f"#notebook-container {element}")).to_have_count(0)


TYPED = {"ada": "1,5", "alan": "2", "grace": "0"}
GIVEN = {"ada": 1.5, "alan": 2.0, "grace": 0.0}


def test_points_and_comments_typed_reach_gradebook_feedback_and_grades(
    page: Page, formgrader: FrameLocator, course: Course
) -> None:
    _graded(course)
    _open_answers(formgrader, "Submission #1")
    _tab_to(page, formgrader.locator("#task"))
    for number in range(1, len(PEOPLE) + 2):
        expect(formgrader.locator(".live-notebook")).to_contain_text(f"Submission #{number}")
        expect(formgrader.locator("#task")).to_be_focused()  # as on the page before
        name = formgrader.locator(".live-notebook a.name-shown").text_content() or ""
        student = next((student for student in PEOPLE if PEOPLE[student] in name), None)
        if student is not None:
            _grade_by_keyboard(page, TYPED[student], f"Dear {student}, say why it shrinks.")
            expect(formgrader.locator("#task-comment")).to_be_focused()
            if student == "ada" and "LMLIB_SCREENSHOTS" in os.environ:
                page.screenshot(path=ROOT / "docs" / "manual_grading.png")
        page.keyboard.press("Control+.")
    expect(_row(formgrader, "Submission #4")).to_be_visible()  # the list, after the last of them

    for student, given in GIVEN.items():
        with open_gradebook(course) as gradebook:
            found = gradebook.find_grade("task", NAME, NAME, student)
            assert (found.manual_score, found.needs_manual_grade) == (given, False)
    _open_submissions(formgrader)
    for student, name in PEOPLE.items():
        expect(_row(formgrader, name).locator(".status")).to_have_text("graded")
        assert _press(formgrader, student, "generate-feedback") == "Success"
        written = (course.feedback(student, NAME) / f"{NAME}.html").read_text()
        assert written == feedback.page(course, NAME, student)
        assert f"Dear {student}, say why it shrinks." in written
    scores = {score.person.student: score for score in grades.scores(course, NAME)}
    assert {name: scores[name].points for name in PEOPLE} == {
        name: MACHINE[name] + GIVEN[name] for name in PEOPLE
    }
    assert not scores[BROKEN].is_graded


def test_the_students_pages_open(formgrader: FrameLocator, course: Course) -> None:
    _graded(course)
    _go(formgrader, "Manage Students")
    expect(_row(formgrader, "alan")).to_contain_text("Turing, Alan")
    _go(formgrader, "Turing, Alan", NAME)
    expect(_row(formgrader, NAME)).to_be_visible()


@pytest.fixture
def answers(
    browser: Browser, page: Page, formgrader: FrameLocator, course: Course
) -> Iterator[tuple[Page, str]]:
    """A window of its own, in which requests may fail, and the address of Alan's answers."""
    _graded(course)
    _open_answers(formgrader, PEOPLE["alan"])
    window = browser.new_page(storage_state=page.context.storage_state())
    address = next(frame.url for frame in page.frames if "/submissions/" in frame.url)
    yield window, address.partition("?")[0]
    window.close()


@pytest.mark.parametrize(("late", "given"), [("grades", "1"), ("comments", "2")])
def test_nothing_can_be_typed_before_it_would_be_kept(
    answers: tuple[Page, str], late: str, given: str
) -> None:
    window, address = answers
    held: list[Route] = []
    window.route(f"**/api/{late}?*", lambda route: held.append(route))
    with window.expect_request(f"**/api/{late}?*"):
        window.goto(address)
    for field in ("#task", "#task-comment", ".full-credit"):
        expect(window.locator(field).last).to_be_disabled()
    held[0].continue_()
    for field in ("#task", "#task-comment", ".full-credit"):
        expect(window.locator(field).last).to_be_enabled()
    with window.expect_response("**/api/grade/*") as saved:
        window.locator("#task").fill(given)
        window.keyboard.press("Tab")
    assert saved.value.json()["manual_score"] == float(given)


def test_points_that_could_not_be_saved_are_told(answers: tuple[Page, str]) -> None:
    window, address = answers
    window.goto(address)
    expect(window.locator("#task")).to_be_enabled()
    expect(window.get_by_role("alert")).to_have_count(0)
    window.route("**/api/grade/*", lambda route: route.abort())
    window.locator("#task").fill("1")
    window.keyboard.press("Control+.")
    expect(window.get_by_role("alert")).to_contain_text("some of your input is not saved")
    expect(window.locator("#task")).to_have_value("1")
    assert window.url.startswith(address)  # where the points can be entered again


@pytest.mark.parametrize(
    ("typed", "why"),
    [("9", "at most 2"), ("2,5", "at most 2"), ("25", "at most 2"), ("-1", "no number"),
     ("1.5.2", "no number"), ("two", "no number")],
)  # fmt: skip
def test_points_that_cannot_be_are_not_saved_and_the_field_says_why(
    answers: tuple[Page, str], course: Course, typed: str, why: str
) -> None:
    window, address = answers
    window.goto(address)
    expect(window.locator("#task")).to_be_enabled()
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.method))
    before = _points_of(course, "alan")
    window.locator("#task").fill(typed)
    window.keyboard.press("Control+.")
    expect(window.get_by_role("alert")).to_contain_text(why)
    expect(window.locator("#task")).to_have_value(typed)
    assert "PUT" not in asked and window.url.startswith(address)
    assert _points_of(course, "alan") == before
    with window.expect_response("**/api/grade/*") as saved:
        window.locator("#task").fill(",75")
        window.keyboard.press("Tab")
    assert saved.value.json()["manual_score"] == 0.75
    expect(window.get_by_role("alert")).to_have_count(0)
    assert window.url.startswith(address)


def _points_of(course: Course, student: str) -> float | None:
    with open_gradebook(course) as gradebook:
        score: float | None = gradebook.find_grade("task", NAME, NAME, student).manual_score
        return score


def test_blank_answers_are_offered_as_zero(answers: tuple[Page, str], course: Course) -> None:
    window, address = answers
    hand_in(course, "mary", answered(course, scaled=RIGHT))
    _graded(course)
    with open_gradebook(course) as gradebook:
        number = gradebook.find_submission_notebook(NAME, NAME, "mary").id
    window.goto(address)
    expect(window.locator("#task")).to_be_enabled()
    expect(window.locator("#blank-answers")).to_have_count(0)
    window.goto(f"{address.rstrip('/').rpartition('/')[0]}/{number}/")
    with window.expect_response("**/api/grade/*") as saved:
        window.get_by_role("button", name="Give 0").click()
    assert saved.value.json()["manual_score"] == 0
    expect(window.locator("#blank-answers")).to_have_count(0)
    assert _points_of(course, "mary") == 0


def test_nothing_went_wrong_and_nothing_was_asked_from_outside(wrong: list[str]) -> None:
    assert wrong == []
