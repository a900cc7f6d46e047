"""The instructors' report in a browser: of ten and of a thousand students, on a phone, on paper.

LMLIB_SCREENSHOTS=1 also writes docs/report.png.
"""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.contrast import contrast
from tests.browser.jupyter import needs_chromium
from tests.browser.saved_page import opened
from tests.nbjudge.invented_class import invented, rendered

ROOT = Path(__file__).parents[2]
SIZES = [10, 1000]
WIDTHS = [320, 375, 700, 1400]

pytestmark = needs_chromium


@pytest.fixture(scope="module", params=SIZES)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a class of ten, or of a thousand."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    totals = {
        name: {f"s{place:04}": float((place * 7) % 50) for place in range(request.param)}
        for name in ("one", "another", "tiny")
    }
    totals["tiny"]["s0007"] = -60.0
    path.write_text(rendered([invented(request.param)], totals), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    with opened(browser, report) as page:
        yield page


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_has_to_be_scrolled_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for summary in page.locator("details:not(details details) > summary").all()[:3]:
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    overflowing = page.evaluate(
        "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert overflowing == 0
    for fact in page.locator(".facts div").all():
        assert fact.evaluate("box => box.scrollWidth <= box.clientWidth"), fact.inner_text()


def test_the_labels_of_a_chart_do_not_touch_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    for kind in ("tick", "count"):
        boxes = page.locator(f".chart >> nth=0 >> .{kind}").all()
        found = [box for locator in boxes if (box := locator.bounding_box())]
        edges = sorted((box["x"], box["x"] + box["width"]) for box in found)
        assert edges and all(right < left for (_, right), (left, _) in pairwise(edges))


def test_who_made_a_mistake_is_one_click_away(page: Page) -> None:
    first = page.locator(".list > li").first
    count = int(re.findall(r"\d+", first.locator(".count").inner_text())[0])
    names = first.locator(".who li")
    if first.locator("summary").count():
        expect(names.first).to_be_hidden()
        first.locator("summary").focus()
        page.keyboard.press("Enter")
    expect(names.first).to_be_visible()
    assert names.count() == count


def test_every_misconception_is_on_paper_and_names_only_if_opened(page: Page) -> None:
    page.emulate_media(media="print")
    shown = [one.is_visible() for one in page.locator("ol.list > li").all()]
    assert shown and all(shown)
    for closed in page.locator(".list details:not([open])").all():
        expect(closed.locator(".who")).to_be_hidden()
        expect(closed.locator("summary")).to_be_hidden()
    sheets = len(re.findall(rb"/Type /Page\b", page.pdf(format="A4")))
    assert 1 <= sheets <= 3 + len(shown) / 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_page(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    for selector in ("h1", ".aside", ".chart .tick", "summary", ".look, .facts dt"):
        found = page.locator(selector)
        if found.count():
            assert contrast(found.first) >= 4.5, selector


@pytest.mark.skipif("LMLIB_SCREENSHOTS" not in os.environ, reason="LMLIB_SCREENSHOTS is not set")
def test_a_picture_for_the_documentation(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(rendered([invented(40)]), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 1020})
    page.goto(path.as_uri())
    page.screenshot(path=ROOT / "docs" / "report.png")
    page.close()
