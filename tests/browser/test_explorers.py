"""The explorers as a student meets them: in JupyterLab, in a browser, with mouse and keyboard.

LMLIB_SCREENSHOTS=1 also writes docs/explorers.png.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.jupyter import choose, needs_chromium, open_notebook

ROOT = Path(__file__).parents[2]
CELLS = [
    """\
import numpy as np
from lmlib import plots, widgets

pieces = ["First", " Cit", "izen", ":", "\\n", "Be", "fore", " we", " pro", "ceed"]
widgets.coloured_tokens(pieces, [371, 588, 612, 27, 0, 390, 417, 301, 455, 702])""",
    """\
def attention_of(sentence):
    if "not" in sentence:
        raise NotImplementedError()
    words = sentence.split()
    scores = np.random.default_rng(len(words)).normal(size=(3, 4, len(words), len(words)))
    weights = np.tril(np.exp(2 * scores))
    return weights / weights.sum(-1, keepdims=True), words

widgets.attention_explorer("Speak the speech I pray you", attention_of, layer=1)""",
    """\
def probabilities_at(temperature):
    weights = np.exp(-np.arange(40) / 4 / temperature)
    return weights / weights.sum()

widgets.temperature_explorer(probabilities_at, 4 * pieces, top=8)""",
    """\
text = 4 * "To be, or not to be, that is the question:\\n"
widgets.hidden_units(np.sin(np.outer(np.arange(len(text)), [0.1, 0.3, 1.0])), text)""",
    """\
def gru_step(x, h, weights):
    reset, update = (1 / (1 + np.exp(-x @ np.transpose([weights[gate], (0, 0)])))
                     for gate in ("reset", "update"))
    new = x @ np.transpose([weights["new_input"], (0, 0)])
    proposed = np.tanh(new + (reset * h) @ np.transpose([weights["new_hidden"], (0, 0)]))
    return (1 - update) * proposed + update * h, reset, update, proposed

widgets.gru_explorer(gru_step, {"new_input": (1.0, 0.0)})""",
    """\
merges = [("t", "h"), ("th", "e"), ("i", "n"), ("k", "in"), ("kin", "g")]

def tokens_after(sentence, merges_done):
    text, tokens = sentence, []
    while text:
        known = [a + b for a, b in merges[:merges_done][::-1] if text.startswith(a + b)]
        tokens.append(known[0] if known else text[0])
        text = text[len(tokens[-1]):]
    return tokens

widgets.merge_player("the thin king is in the ink", tokens_after, merges)""",
    """\
def attention_at(epoch, sentence):
    words = sentence.split()
    scores = np.random.default_rng(len(words)).normal(size=(2, len(words), len(words)))
    weights = np.tril(np.exp(epoch * scores))
    return weights / weights.sum(-1, keepdims=True), words

widgets.snapshot_explorer("Speak the speech I pray you", attention_at, 5)""",
]
PLAYER, SNAPSHOTS = len(CELLS) - 2, len(CELLS) - 1

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the notebook explorers.ipynb."""
    home = tmp_path_factory.mktemp("explorers")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, home / "explorers.ipynb")
    return home


@pytest.fixture(scope="module")
def page(browser: Browser, jupyterlab: str, wrong: list[str]) -> Page:
    """The notebook in the browser, all its cells run."""
    page = browser.new_page(viewport={"width": 1000, "height": 3900})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    open_notebook(page, jupyterlab, "explorers.ipynb")
    choose(page, "Run", "Run All Cells")
    expect(_picture(page, len(CELLS) - 1)).to_be_visible()
    return page


def _output(page: Page, number: int) -> Locator:
    """What the cell of this number shows."""
    return page.locator(".jp-CodeCell").nth(number).locator(".jp-OutputArea")


def _picture(page: Page, number: int) -> Locator:
    return _output(page, number).locator("img")


def _drag(page: Page, slider: Locator, pixels: int) -> None:
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=5)
    page.mouse.up()


@contextmanager
def _another_picture(page: Page, number: int) -> Iterator[None]:
    """What is done within changes the picture that the cell of this number shows."""
    picture = _picture(page, number)
    before = _settled(page, picture)
    yield
    expect(picture).not_to_have_attribute("src", before[0])
    assert _settled(page, picture)[1] != before[1]


def _settled(page: Page, picture: Locator) -> tuple[str, bytes]:
    """The picture's address and looks, once no more redrawing is under way."""
    address = None
    while address != (address := picture.get_attribute("src")):
        page.wait_for_timeout(500)
    return address or "", picture.screenshot()


def test_tokens_stand_in_boxes_with_their_ids(page: Page) -> None:
    tokens = _output(page, 0).locator("span")
    assert tokens.all_inner_texts()[1:5] == ["␣Cit\n588", "izen\n612", ":\n27", "⏎\n0"]
    first, after_the_break = (tokens.nth(number).bounding_box() for number in (0, 5))
    assert first and after_the_break and after_the_break["y"] > first["y"]


@pytest.mark.parametrize(("number", "slider"), [(1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (4, 2)])
def test_a_slider_moves_the_picture_by_mouse_and_by_keyboard(
    page: Page, number: int, slider: int
) -> None:
    handle = _output(page, number).get_by_role("slider").nth(slider)
    readout = _output(page, number).locator(".widget-readout").nth(slider)
    with _another_picture(page, number):
        _drag(page, handle, 150)
    dragged = float(readout.inner_text())
    with _another_picture(page, number):
        handle.press("ArrowLeft")
    assert float(readout.inner_text()) < dragged


def test_the_merge_player_steps_by_keyboard_and_plays_by_itself(page: Page) -> None:
    output = _output(page, PLAYER)
    expect(output).to_contain_text("Characters only: 27 tokens.")
    output.get_by_role("slider").first.press("ArrowRight")
    expect(output).to_contain_text("Merge 1: “t” and “h” become “th”, 3 times here; 24 tokens")
    framed = output.locator("span").filter(has_text=re.compile("^th$"))
    expect(framed).to_have_count(3)
    assert framed.first.evaluate("token => getComputedStyle(token).fontWeight") == "700"
    output.get_by_role("button").first.click()  # play
    expect(output).to_contain_text("Merge 5: “kin” and “g” become “king”, 1 times here")
    sentence = output.get_by_role("textbox").first
    sentence.fill("the sun")
    sentence.press("Enter")
    expect(output).to_contain_text("0 times here; 5 tokens are left")


def test_snapshots_play_by_themselves(page: Page) -> None:
    output = _output(page, SNAPSHOTS)
    with _another_picture(page, SNAPSHOTS):
        output.get_by_role("button").first.click()
        expect(output).to_contain_text("block 0 after epoch 4")
    with _another_picture(page, SNAPSHOTS):
        output.get_by_role("slider").nth(1).press("ArrowRight")
    expect(output).to_contain_text("block 1 after epoch 4")


def test_the_keyboard_gets_from_the_sentence_to_the_sliders(page: Page) -> None:
    _output(page, 1).get_by_role("textbox").first.focus()
    for number in range(2):
        page.keyboard.press("Tab")
        expect(_output(page, 1).get_by_role("slider").nth(number)).to_be_focused()
        page.keyboard.press("Tab")  # over the number beside the slider, which one can type into


def test_another_sentence_is_drawn_and_one_that_fails_says_why(page: Page) -> None:
    output = _output(page, 1)
    sentence = output.get_by_role("textbox").first
    with _another_picture(page, 1):
        sentence.fill("Tomorrow and tomorrow and tomorrow")
        sentence.press("Enter")
    expect(output).to_contain_text("the last token, “tomorrow”, looks most at")

    sentence.fill("not yet")
    sentence.press("Enter")
    expect(output).to_contain_text("attention_of is not written yet")
    expect(_picture(page, 1)).to_be_hidden()
    sentence.fill("")
    sentence.press("Enter")
    expect(output).to_contain_text("Type a sentence")

    sentence.fill("To be , or to be asleep : that is the question")
    sentence.press("Enter")
    expect(_picture(page, 1)).to_be_visible()


def test_a_dark_theme_leaves_tokens_and_pictures_readable(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    for token in _output(page, 0).locator("span").all():
        expect(token).to_have_css("color", "rgb(0, 0, 0)")
    # the pictures bring their own white; what is written below them has to stand out
    assert _lightness(_output(page, 1).locator(".widget-html-content")) > 0.7
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)


def _lightness(words: Locator) -> float:
    colour = words.evaluate("element => getComputedStyle(element).color")
    return sum(float(part) for part in re.findall(r"[0-9.]+", colour)[:3]) / (3 * 255)


def test_nothing_went_wrong_on_the_way(page: Page, wrong: list[str]) -> None:
    assert page.locator(".jp-mod-error, [data-mime-type$=stderr]").count() == 0
    assert wrong == []


@pytest.mark.skipif("LMLIB_SCREENSHOTS" not in os.environ, reason="LMLIB_SCREENSHOTS is not set")
def test_a_picture_for_the_documentation(page: Page) -> None:
    last = page.locator(".jp-CodeCell").last.bounding_box()
    assert last
    page.mouse.move(0, 0)
    page.screenshot(
        path=ROOT / "docs" / "explorers.png",
        clip={"x": 0, "y": 0, "width": 1000, "height": last["y"] + last["height"] + 20},
    )
