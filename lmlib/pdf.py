"""The student command `lmlib pdf`: a notebook or a Markdown report as a PDF on A4 paper.

`lmlib.paper` makes the page; a browser of the Chromium family prints it, without a window or
network access.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WHAT = "Make a PDF of a notebook, with its cells, formulas and pictures, or of a report."
EXAMPLE = "lmlib pdf ps1.ipynb -o answers.pdf"
BROWSER = "LMLIB_BROWSER"
"""The environment variable that names the browser to print with."""

COMMANDS = (
    "chromium chromium-browser google-chrome google-chrome-stable chrome microsoft-edge "
    "microsoft-edge-stable msedge brave-browser"
).split()
PLACES = (  # of browsers that are not on the path, on macOS and Windows
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-extensions "  # no user
    "--disable-background-networking --no-first-run --no-pdf-header-footer"
).split()
LONGEST = 300  # time limit for the browser, in seconds


class PdfError(Exception):
    """A PDF that could not be made. The message is a sentence that says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("source", type=Path, metavar="NOTEBOOK", help="or a report: a .md file")
    parser.add_argument("-o", "--out", type=Path, metavar="PDF",
                        help="default: next to the notebook, under its name")  # fmt: skip


def make(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0 if it succeeded, 1 after a message that says why not."""
    target = options.out or options.source.parent / f"{options.source.stem}.pdf"
    try:
        pages = write(options.source, target)
    except PdfError as error:
        print(f"lmlib pdf: {error}", file=sys.stderr)
        return 1
    print(f"{target}: {pages} {'page' if pages == 1 else 'pages'}")
    return 0


def write(source: Path, target: Path) -> int:
    """Print the notebook or report `source` to the file `target`, and return the number of pages.

    Raises PdfError if that is not possible; `target` is then left unchanged.
    """
    try:
        from lmlib import paper
    except ImportError as error:
        raise PdfError(
            f"lmlib's extra `pdf` is not installed (there is no {error.name}):"
            " `pip install 'lmlib[pdf]'` installs it; if you were given a wheel, name it instead of"
            " lmlib."
        ) from None
    try:
        page = paper.read(source)
    except paper.Unreadable as error:
        raise PdfError(str(error)) from None
    browser = find_browser()
    if target.is_dir():
        raise PdfError(f"{target} is a folder; name a file after -o.")
    try:
        # next to the target: some browsers may not read the system's temporary folder
        with tempfile.TemporaryDirectory(prefix="lmlib-pdf-", dir=target.parent) as folder:
            printed = _print(browser, page, Path(folder))
            os.replace(printed, target)
    except OSError as error:
        raise PdfError(f"{target} cannot be written ({error.strerror}).") from None
    return count_pages(target.read_bytes())


def find_browser() -> str:
    """The browser to print with.  Raises PdfError if there is none."""
    if chosen := os.environ.get(BROWSER):
        found = shutil.which(chosen)
        if found is None:
            raise PdfError(f"{BROWSER} is {chosen!r}, but there is no such program.")
        return found
    places = [os.path.expandvars(place) for place in PLACES]
    found = next(filter(None, map(shutil.which, [*COMMANDS, *places])), None)
    if found is None:
        raise PdfError(
            "Printing a PDF needs Chromium, Chrome or Edge, and none of them is on this machine:"
            f" install one, or set {BROWSER} to its path."
        )
    return found


def count_pages(pdf: bytes) -> int:
    """The number of pages in a PDF printed by a browser."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def _print(browser: str, page: str, folder: Path) -> Path:
    """Print the HTML page to a PDF in the empty `folder`, and return its path."""
    source, printed = folder / "page.html", folder / "page.pdf"
    source.write_text(page, encoding="utf-8")
    command = [browser, *SWITCHES, f"--user-data-dir={folder.absolute() / 'profile'}",
               f"--print-to-pdf={printed.absolute()}", source.absolute().as_uri()]  # fmt: skip
    with (folder / "said.txt").open("w+b") as said:  # the browser's children would hold a pipe open
        try:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=LONGEST
            ).returncode
        except subprocess.TimeoutExpired:
            raise PdfError(f"{browser} did not print the page within {LONGEST} seconds.") from None
        said.seek(0)
        words = said.read().decode("utf-8", "replace").strip().splitlines()
    if code or not printed.is_file():
        last = f": {words[-1][:300]}" if words else ""
        raise PdfError(f"{browser} could not print the page (exit code {code}){last}")
    return printed
