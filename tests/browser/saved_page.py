"""A page from the disk in a browser, as students and instructors open what graders write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page


@contextmanager
def opened(browser: Browser, path: Path, **settings: Any) -> Iterator[Page]:
    """The page, which asks for nothing else, and on which nothing may go wrong."""
    page = browser.new_page(**settings)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert asked == [path.as_uri()] and wrong == []
