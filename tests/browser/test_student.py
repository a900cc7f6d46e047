"""A student's day with a released problem set: in JupyterLab, in Notebook 7, in VS Code's format.

The tests of one notebook follow each other, as a student works. LMLIB_SCREENSHOTS=1 also writes
docs/working.png and docs/feedback.png.
"""

import base64
import contextlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from nbjudge.authoring import build, demo, release_steps
from nbjudge.authoring.mistakes import Mistake, read_mistakes, solutions_of, with_mistake
from nbjudge.core.course import Course, find_course
from nbjudge.core.notebooks import read_notebook
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import grade
from nbjudge.workflow.feedback import write_feedback
from tests import shared
from tests.browser.contrast import contrast, too_faint
from tests.browser.jupyter import SECRET, choose, needs_chromium, open_notebook, serving
from tests.browser.saved_page import opened

ROOT = Path(__file__).parents[2]
NAME = "ps1_rnn_sampling"
MISTAKE = "first_bias_forgotten"
HALF_RIGHT = "last_character_twice"  # a mistake that keeps half of its points
STUB = "raise NotImplementedError()"

pytestmark = needs_chromium


# ---- the course, and what a student gets of it


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Course:
    """The course in a folder of its own, problem set 1 released with a key of two mistakes."""
    course = demo.prepare(find_course(ROOT), tmp_path_factory.mktemp("student") / "course")
    listed = course.mistakes(NAME)
    tables = re.split(r"(?=^\[\[mistake\]\]$)", listed.read_text(), flags=re.M)
    chosen = [f'id = "{name}"' for name in (MISTAKE, HALF_RIGHT)]
    listed.write_text("".join(table for table in tables if any(id in table for id in chosen)))
    with ThreadPoolExecutor(2) as threads, shared.shared_runs(session_folder, course, NAME):
        build.build(
            course, NAME, NotebookExecutor(threads, Isolation()), lambda what, done, total: None
        )
    return course


@pytest.fixture(scope="module")
def source(course: Course) -> NotebookNode:
    """The instructors' notebook."""
    return read_notebook(course.source(NAME))


@pytest.fixture(scope="module")
def mistakes(course: Course, source: NotebookNode) -> dict[str, Mistake]:
    """The mistakes that the answer key knows, by their ids."""
    return {it.id: it for it in read_mistakes(course.mistakes(NAME), source).mistakes}


@pytest.fixture(scope="module")
def released(course: Course) -> NotebookNode:
    """The notebook as students get it."""
    return read_notebook(course.release(NAME))


@pytest.fixture(scope="module")
def home(course: Course, smoke: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student's folder: the problem set, and all prose of all problem sets in one notebook."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(course.release(NAME), home / f"{NAME}.ipynb")
    prose = [
        nbformat.v4.new_markdown_cell(cell.source)
        for name in course.assignments
        for cell in _release_of(course, name).cells
        if cell.cell_type == "markdown"
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    everything = nbformat.v4.new_notebook(cells=prose, metadata={"kernelspec": kernel})
    nbformat.write(everything, home / "everything.ipynb")
    return home


def _release_of(course: Course, name: str) -> NotebookNode:
    source = read_notebook(course.source(name))
    return release_steps.template_and_release(course, name, source)[1]


@pytest.fixture(scope="module")
def smoke() -> Iterator[None]:
    """Notebooks compute as little as they can."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LMLIB_PROFILE", "smoke")
        yield


@pytest.fixture(scope="module")
def page(browser: Browser, jupyterlab: str, released: NotebookNode, wrong: list[str]) -> Page:
    """The problem set in JupyterLab, in a window as tall as the notebook."""
    page = browser.new_page(viewport={"width": 1000, "height": 9000})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    open_notebook(page, jupyterlab, f"{NAME}.ipynb")
    expect(page.locator(".jp-Cell")).to_have_count(len(released.cells))
    return page


# ---- what one does in it


def _cell(page: Page, notebook: NotebookNode, name: str) -> Locator:
    """The cell of this id."""
    place = [cell.id for cell in notebook.cells].index(name)
    return page.locator(f".jp-Cell[data-windowed-list-index='{place}']")


def _shown(cell: Locator) -> Locator:
    """What a cell shows below its code."""
    return cell.locator(".jp-OutputArea")


def _run(page: Page, cell: Locator) -> None:
    """Run one cell by keyboard and wait until it is done."""
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    cell.locator(".cm-content").click()
    while "jp-mod-active" not in (cell.get_attribute("class") or ""):
        cell.locator(".cm-content").click()  # as the page settles, one lands beside the cell
    not_run = re.compile(rf"^({re.escape(before)}|\[ \]:)$")
    for _ in range(12):  # Notebook 7 drops what comes before its kernel is connected
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(prompt).not_to_have_text(not_run, timeout=5000)
            expect(prompt).not_to_have_text("[*]:")
            if prompt.inner_text() != "[ ]:":
                break
    expect(prompt).to_have_text(re.compile(r"^\[\d+\]:$"))


def _select_from(page: Page, cell: Locator, line: int) -> None:
    """Select what a student replaces: all from this line of the cell on, but its indentation."""
    cell.locator(".cm-line").nth(line).click()
    page.keyboard.press("Home")
    page.keyboard.press("Control+Shift+End")


def _save(page: Page) -> None:
    """Save by keyboard."""
    with page.expect_response(lambda it: "/api/contents/" in it.url and it.request.method == "PUT"):
        page.keyboard.press("Control+s")


def _validation(page: Page) -> str:
    """What the button Validate says."""
    page.get_by_role("button", name="Validate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Validation Results", timeout=120_000)
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok").click()
    return said


def _given(cell: NotebookNode) -> dict[str, Any]:
    """All of a cell that running it leaves as it is."""
    return {key: cell[key] for key in cell if key not in ("outputs", "execution_count")}


def _check_only_run(before: NotebookNode, after: NotebookNode, changed: set[str]) -> None:
    """The notebook is what it was: cells, ids and metadata, but for sources of `changed`."""
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]
    for old, new in zip(before.cells, after.cells, strict=True):
        if new.id in changed:
            assert new.metadata == old.metadata and new.source != old.source
        else:
            assert _given(new) == _given(old)
    kept = {key: value for key, value in after.metadata.items() if key != "language_info"}
    assert kept == {key: value for key, value in before.metadata.items() if key != "language_info"}


def _filled(notebook: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """A copy of the notebook with these answers: id → source."""
    copied = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for cell in copied.cells:
        cell.source = answers.get(cell.id, cell.source)
    return copied


# ---- reading


def test_formulas_are_rendered_and_pictures_have_a_text(
    browser: Browser, jupyterlab: str, home: Path
) -> None:
    prose = read_notebook(home / "everything.ipynb").cells
    page = browser.new_page(viewport={"width": 1000, "height": 3000})
    open_notebook(page, jupyterlab, "everything.ipynb")
    rendered = page.locator(".jp-MarkdownCell.jp-mod-rendered .jp-MarkdownOutput")
    expect(rendered).to_have_count(len(prose))
    formulas = sum(len(re.findall(r"\$\$.+?\$\$|\$[^$]+\$", _text(cell), re.S)) for cell in prose)
    expect(page.locator("mjx-container")).to_have_count(formulas)
    assert formulas > 300
    assert page.evaluate(LEFT_OVER) == []
    assert page.locator("mjx-container :is(mjx-merror, [data-mjx-error])").count() == 0
    assert (
        page.locator(".jp-MarkdownOutput img:not([alt]), .jp-MarkdownOutput img[alt='']").count()
        == 0
    )
    page.close()


def _text(cell: NotebookNode) -> str:
    """A cell's Markdown without its code, in which a dollar is a dollar."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", cell.source, flags=re.S)


LEFT_OVER = """() => {
  const found = [];
  for (const cell of document.querySelectorAll(".jp-MarkdownOutput")) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode()); )
      if (!text.parentElement.closest("code, pre, mjx-container"))
        if (/\\$|\\\\[a-zA-Z([]/.test(text.data)) found.push(text.data);
  }
  return found;
}"""


def test_a_hint_opens_by_mouse_and_by_keyboard(page: Page, released: NotebookNode) -> None:
    hint = _cell(page, released, "step-exercise").locator("details")
    words = hint.get_by_text("What is the product of a one-hot row")
    expect(words).to_be_hidden()
    hint.locator("summary").click()
    expect(words).to_be_visible()
    hint.locator("summary").press("Enter")
    expect(words).to_be_hidden()
    hint.locator("summary").press("Space")
    expect(words).to_be_visible()


# ---- working


def test_the_first_cells_run_without_complaint(page: Page, released: NotebookNode) -> None:
    _run(page, _cell(page, released, "install_library"))
    expect(_cell(page, released, "install_library").locator(".jp-OutputArea-output")).to_have_count(
        0
    )
    _run(page, _cell(page, released, "setup"))
    expect(_shown(_cell(page, released, "setup"))).to_contain_text("smoke")


def test_a_given_cell_can_neither_be_changed_nor_deleted(
    page: Page, released: NotebookNode
) -> None:
    given = _cell(page, released, "weights")
    before = given.locator(".cm-content").inner_text()
    given.locator(".cm-content").click()
    page.keyboard.type("x")
    page.keyboard.press("Escape")
    page.keyboard.type("dd")
    assert given.locator(".cm-content").inner_text() == before
    expect(page.locator(".jp-Cell")).to_have_count(len(released.cells))


def test_an_exercise_as_handed_out_says_what_to_do(page: Page, released: NotebookNode) -> None:
    _cell(page, released, "rnn_step_check").locator(".cm-content").click()
    choose(page, "Run", "Run All Above Selected Cell")
    expect(_cell(page, released, "rnn_step").locator(".jp-InputPrompt")).to_have_text(
        re.compile(r"\d")
    )
    check = _cell(page, released, "rnn_step_check")
    _run(page, check)
    expect(_shown(check)).to_contain_text("… rnn_step is not written yet: replace the line")
    expect(_shown(check)).not_to_contain_text("Traceback")


@pytest.mark.skipif("LMLIB_SCREENSHOTS" not in os.environ, reason="LMLIB_SCREENSHOTS is not set")
def test_a_picture_for_the_documentation(page: Page, released: NotebookNode) -> None:
    exercise, check = (_cell(page, released, name) for name in ("rnn_step", "rnn_step_check"))
    _select_from(page, exercise, _line_of(released, "rnn_step", STUB))
    _type(page, ["return h1, h2, np.ones(V) / V  # a first try: every character alike"])
    _run(page, exercise)
    _run(page, check)
    expect(_shown(check)).to_contain_text("✗")
    first, last = (_cell(page, released, n).bounding_box() for n in ("rnn_step", "rnn_step_check"))
    assert first and last
    page.mouse.move(0, 0)
    page.screenshot(
        path=ROOT / "docs" / "working.png",
        clip={**first, "y": first["y"] - 4, "height": last["y"] + last["height"] - first["y"] + 8},
    )


def test_a_wrong_answer_gets_a_sentence_that_helps(
    page: Page, source: NotebookNode, released: NotebookNode, mistakes: dict[str, Mistake]
) -> None:
    exercise, check = (_cell(page, released, name) for name in ("rnn_step", "rnn_step_check"))
    _select_from(page, exercise, _line_of(released, "rnn_step", STUB))
    _type(page, _body(with_mistake(source, mistakes[MISTAKE])["rnn_step"]))
    _run(page, exercise)
    _run(page, check)
    said = _shown(check).inner_text()
    assert said.startswith("✓ rnn_step returns h1, h2 and p\n✓ the shape of h1\n")
    assert "✗ after 't' the network expects 'h' with probability 0.6812: the number is 0.74" in said
    assert "It looks as if b_h1 is missing." in said
    for line in _shown(check).locator("pre").last.inner_text().splitlines():
        assert len(line) <= 88  # a longer one would be broken inside a word


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_can_be_read_in_both_themes(page: Page, released: NotebookNode, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    is_light = "true" if theme == "light" else "false"
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    check = _shown(_cell(page, released, "rnn_step_check"))
    for words in (
        _cell(page, released, "title").locator("h1, p, li, th, td, td code").all()
        + _cell(page, released, "step-exercise").locator("h3, summary, details p").all()
        + _cell(page, released, "step-exercise").locator("mjx-container").all()
        + [check.locator("pre").first, check.locator("pre").last]  # ✓ and ✗
        + _shown(_cell(page, released, "guess-one")).locator("div div").all()
    ):
        assert contrast(words) >= 4.5, words


def test_the_right_answer_passes_its_check(
    page: Page, source: NotebookNode, released: NotebookNode, home: Path
) -> None:
    _save(page)
    shutil.copy(home / f"{NAME}.ipynb", home / "wrong.ipynb")
    exercise, check = (_cell(page, released, name) for name in ("rnn_step", "rnn_step_check"))
    _select_from(page, exercise, _line_of(released, "rnn_step", STUB))
    _type(page, _body(solutions_of(source)["rnn_step"]))
    _run(page, exercise)
    _run(page, check)
    expect(_shown(check)).to_contain_text("✓ rnn_step leaves the weights as they are")
    expect(_shown(check)).not_to_contain_text("✗")


def _line_of(notebook: NotebookNode, name: str, words: str) -> int:
    """The number of the line of a cell that holds these words."""
    (source,) = (cell.source for cell in notebook.cells if cell.id == name)
    return next(n for n, line in enumerate(source.splitlines()) if words in line)


def _body(function: str) -> list[str]:
    """The lines of a function below its docstring, if none is indented further."""
    return [line.strip() for line in function.rpartition('"""\n')[2].splitlines()]


def _type(page: Page, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        if number:
            page.keyboard.press("Enter")  # the editor indents by itself
        page.keyboard.type(line)


def test_the_notebooks_own_widget_turns_by_mouse_and_by_keyboard(
    page: Page, source: NotebookNode, released: NotebookNode
) -> None:
    for name in ("gru-weights", "gru_matrices"):
        _run(page, _cell(page, released, name))
    exercise, unit = (_cell(page, released, name) for name in ("gru_step", "unit"))
    exercise.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(solutions_of(source)["gru_step"])  # as if pasted
    _run(page, exercise)
    _run(page, unit)
    slider, words = unit.get_by_role("slider"), unit.locator(".widget-html-content")
    expect(words).to_contain_text("Unit 269 is highest")
    slider.press("ArrowRight")
    expect(words).to_contain_text("Unit 270 is highest")
    place = unit.locator(".slider").bounding_box()
    assert place
    page.mouse.click(place["x"] + 2, place["y"] + place["height"] / 2)
    expect(words).to_contain_text(re.compile(r"Unit \d is highest"))
    # the picture has its sentence below it, and the slider its name before it
    expect(unit.locator("img + div .widget-html-content")).to_be_visible()
    expect(unit.locator(".widget-label", has_text="unit")).to_be_visible()


def test_a_figure_has_its_sentence_below_it(page: Page, released: NotebookNode) -> None:
    shown = _shown(_cell(page, released, "guess-one"))
    picture, words = shown.locator("img"), shown.get_by_text("The likeliest character came at")
    above, below = picture.bounding_box(), words.bounding_box()
    assert above and below and below["y"] >= above["y"] + above["height"]


def test_validate_names_what_is_not_written(page: Page) -> None:
    said = _validation(page)
    failed = re.findall(r"[✗…] .*", said)
    assert [line.split()[1] for line in failed] == [
        "sample_text_RNN",
        "sample_text_GRU",
        "get_perplex_rnn",
        "get_perplex_gru",
    ]
    assert all("is not written yet" in line for line in failed) and "Traceback" not in said


def test_the_saved_file_differs_only_in_what_was_written(
    page: Page, released: NotebookNode, home: Path
) -> None:
    _save(page)
    saved = read_notebook(home / f"{NAME}.ipynb")
    _check_only_run(released, saved, changed={"rnn_step", "gru_step"})


def test_every_saved_picture_has_a_text_and_an_opaque_ground(home: Path) -> None:
    saved = read_notebook(home / f"{NAME}.ipynb")
    outputs = [output for cell in saved.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 4
    for output in pictures:
        assert output.metadata["image/png"]["alt"] == output.data["text/plain"] != ""
        painted = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        assert painted.convert("RGBA").getchannel("A").getextrema() == (255, 255)


def test_nothing_went_wrong_on_the_way(page: Page, wrong: list[str]) -> None:
    page.close()
    assert wrong == []


# ---- handing in


@pytest.fixture(scope="module")
def finished(source: NotebookNode, home: Path) -> NotebookNode:
    """The saved notebook with all the exercises solved, as the file finished.ipynb."""
    saved = read_notebook(home / f"{NAME}.ipynb")
    notebook = _filled(saved, solutions_of(source))
    nbformat.write(notebook, home / "finished.ipynb")
    return notebook


def test_validate_says_that_all_is_well(
    browser: Browser, jupyterlab: str, finished: NotebookNode, home: Path
) -> None:
    page = browser.new_page()
    open_notebook(page, jupyterlab, "finished.ipynb")
    assert "Success! Your notebook passes all the tests." in _validation(page)
    _save(page)
    page.close()
    saved = read_notebook(home / "finished.ipynb")
    _check_only_run(finished, saved, changed=set())
    assert [cell.get("outputs") for cell in saved.cells] == [
        cell.get("outputs") for cell in finished.cells
    ]


def test_notebook_7_leaves_what_it_did_not_run(
    browser: Browser,
    smoke: None,
    finished: NotebookNode,
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    nbformat.write(finished, home / "notebook.ipynb")
    with serving(home, tmp_path_factory.mktemp("notebook"), program="notebook") as address:
        page = browser.new_page(viewport={"width": 1000, "height": 3000})
        page.goto(f"{address}/notebooks/notebook.ipynb?token={SECRET}")
        kernel = page.locator(".jp-Notebook-ExecutionIndicator")
        expect(kernel).to_have_attribute("data-status", "idle")
        _run(page, _cell(page, finished, "setup"))
        _save(page)
        page.close()
    saved = read_notebook(home / "notebook.ipynb")
    _check_only_run(finished, saved, changed=set())
    for old, new in zip(finished.cells, saved.cells, strict=True):
        if new.id == "setup":
            assert new.execution_count == 1 and "smoke" in new.outputs[0].text
        else:
            assert new == old


def as_vscode_saves(text: str, keeps_ids: bool) -> str:
    """The notebook as VS Code 1.80 or newer writes it, or an older one, which forgot cells' ids.

    It sorts keys at all levels, keeps the indentation of the file's first lines and writes
    characters as they are. The chosen environment becomes the kernelspec, and a cell that a
    student adds says which language it is in.
    """
    notebook = json.loads(text)
    cells = notebook["cells"]
    added = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "5ad3c1f0",
        "metadata": {"vscode": {"languageId": "python"}},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["mine\n"]}],
        "source": ["print('mine')"],
    }
    cells.insert(next(n for n, cell in enumerate(cells) if cell["id"] == "rnn_step"), added)
    for cell in cells:
        if not keeps_ids:
            del cell["id"]
    specification = {"display_name": ".venv", "language": "python", "name": "python3"}
    notebook["metadata"]["kernelspec"] = specification
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.11.2"}
    indentation = re.search(r"\n( +|\t+)", text[:1000])
    return (
        json.dumps(
            notebook,
            sort_keys=True,
            indent=indentation[1] if indentation else " ",
            ensure_ascii=False,
        )
        + "\n"
    )


def test_every_editors_file_is_graded_alike(
    course: Course, source: NotebookNode, home: Path, finished: NotebookNode
) -> None:
    text = (home / "finished.ipynb").read_text(encoding="utf-8")
    handed_in = {
        "jupyterlab": text,
        "notebook": (home / "notebook.ipynb").read_text(encoding="utf-8"),
        "vscode": as_vscode_saves(text, keeps_ids=True),
        "vscode_before": as_vscode_saves(text, keeps_ids=False),
        "wrong": (home / "wrong.ipynb").read_text(encoding="utf-8"),
    }
    for student, notebook in handed_in.items():
        path = course.submitted(student, NAME) / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(notebook, encoding="utf-8")
    with ThreadPoolExecutor(2) as threads:
        records = {
            record.student: record
            for record in grade.grade(course, NAME, NotebookExecutor(threads, Isolation()))
        }
    right = [cell.metadata.nbgrader.points for cell in source.cells if cell.id.endswith("_test")]
    for student in handed_in:
        record = records[student]
        assert record.status == "graded" and record.notes == (), record
        expected = [0] * len(right) if student == "wrong" else right
        assert [verdict.score for verdict in record.verdicts] == expected, student


# ---- the page that comes back


@pytest.fixture(scope="module")
def feedback(
    course: Course,
    source: NotebookNode,
    home: Path,
    finished: NotebookNode,
    mistakes: dict[str, Mistake],
) -> Path:
    """The page of a student who is right everywhere but once, and there half."""
    notebook = _filled(finished, with_mistake(source, mistakes[HALF_RIGHT]))
    path = course.submitted("barbara", NAME) / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    with ThreadPoolExecutor(2) as threads:
        grade.grade(course, NAME, NotebookExecutor(threads, Isolation()), "barbara")
    ((page,), _) = write_feedback(course, NAME, "barbara")
    return page


@pytest.fixture
def returned(browser: Browser, feedback: Path) -> Iterator[Page]:
    """The page in a browser."""
    size = {"width": 860, "height": 660}
    with opened(browser, feedback, viewport=size, device_scale_factor=1.5) as page:
        yield page


def test_the_total_and_the_mistake_stand_at_the_top(
    returned: Page, mistakes: dict[str, Mistake]
) -> None:
    sentence = returned.get_by_text(mistakes[HALF_RIGHT].says, exact=True).first
    expect(sentence).to_be_in_viewport()
    expect(returned.get_by_text("Partly right").first).to_be_in_viewport()
    if "LMLIB_SCREENSHOTS" in os.environ:
        returned.screenshot(path=ROOT / "docs" / "feedback.png")


def test_an_exercise_of_the_table_leads_to_its_code(returned: Page) -> None:
    returned.keyboard.press("Tab")
    link = returned.locator("a:focus")
    place = link.get_attribute("href") or ""
    returned.keyboard.press("Enter")
    expect(returned.locator(place)).to_be_in_viewport()


def test_a_card_leads_to_the_code_in_the_folded_notebook(returned: Page) -> None:
    expect(returned.get_by_text("Given code").first).to_be_hidden()
    link = returned.locator(".card").get_by_text("Your code")
    place = link.get_attribute("href") or ""
    link.click()
    expect(returned.locator(place)).to_be_in_viewport()


def unfold(page: Page) -> None:
    """Show all of a page."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


@pytest.mark.parametrize("width", [320, 700, 1400])
def test_a_feedback_page_is_not_scrolled_sideways(returned: Page, width: int) -> None:
    unfold(returned)
    returned.set_viewport_size({"width": width, "height": 800})
    assert returned.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_feedback_page_can_be_read_in_both_themes(returned: Page, scheme: str) -> None:
    unfold(returned)
    returned.emulate_media(color_scheme=scheme)
    words = returned.locator("h1, h2, h3, p, li, a, th, td, summary, code")
    assert words.count() > 50 and too_faint(words) == []
    assert too_faint(words, least=30)  # no page has that
