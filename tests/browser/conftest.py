"""The browser and the JupyterLab that a file's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.jupyter import CHROMIUM, serving

OPTIONS = [
    "--no-sandbox",  # as root there is none
    "--disable-background-networking",  # nothing from outside
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def jupyterlab(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab in the folder `home`, a fixture of the file's own."""
    with serving(home, tmp_path_factory.mktemp("jupyterlab")) as address:
        yield address


@pytest.fixture(scope="module")
def wrong() -> list[str]:
    """What went wrong in the pages, such as what their scripts raised."""
    return []
