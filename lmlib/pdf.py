"""`lmlib pdf`: a notebook, or a report in Markdown, as a PDF on A4 paper; a student's command.

`lmlib.paper` makes the page; a browser of the Chromium family prints it, without a window and
without the network.
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
PLACES = (  # of browsers that are no commands, on macOS and on Windows
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
LONGEST = 300  # seconds that the browser may take


class PdfError(Exception):
    """No PDF could be made. The message says why, in a sentence."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument("source", type=Path, metavar="NOTEBOOK", help="or a report: a .md file")
    parser.add_argument("-o", "--out", type=Path, metavar="PDF",
                        help="default: beside the notebook, under its name")  # fmt: skip


def make(options: argparse.Namespace) -> int:
    """Do what was asked: 0, done; 1, it could not be done, and why was said."""
    target = options.out or options.source.parent / f"{options.source.stem}.pdf"
    try:
        pages = write(options.source, target)
    except PdfError as error:
        print(f"lmlib pdf: {error}", file=sys.stderr)
        return 1
    print(f"{target}: {pages} {'page' if pages == 1 else 'pages'}")
    return 0


def write(source: Path, target: Path) -> int:
    """Print the notebook or the report `source` into the file `target`; its number of pages.

    Raises PdfError for whatever makes that impossible; then `target` is as it was before.
    """
    try:
        from lmlib import paper
    except ImportError as error:
        raise PdfError(
            f"lmlib's extra `pdf` is not installed (there is no {error.name}):"
            " `pip install 'lmlib[pdf]'` installs it; in place of lmlib, name the wheel if you"
            " were given one."
        ) from None
    try:
        page = paper.read(source)
    except paper.Unreadable as error:
        raise PdfError(str(error)) from None
    browser = find_browser()
    if target.is_dir():
        raise PdfError(f"{target} is a folder; name a file after -o.")
    try:
        # beside the target: some browsers may not look into the system's temporary folder
        with tempfile.TemporaryDirectory(prefix="lmlib-pdf-", dir=target.parent) as folder:
            printed = _print(browser, page, Path(folder))
            os.replace(printed, target)
    except OSError as error:
        raise PdfError(f"{target} cannot be written ({error.strerror}).") from None
    return count_pages(target.read_bytes())


def find_browser() -> str:
    """The browser to print with.  Raises PdfError where there is none."""
    if chosen := os.environ.get(BROWSER):
        found = shutil.which(chosen)
        if found is None:
            raise PdfError(f"{BROWSER} is {chosen!r}, and no program is there.")
        return found
    places = [os.path.expandvars(place) for place in PLACES]
    found = next(filter(None, map(shutil.which, [*COMMANDS, *places])), None)
    if found is None:
        raise PdfError(
            "A PDF is printed by Chromium, Chrome or Edge, and none of them is on this machine:"
            f" install one, or set {BROWSER} to where it is."
        )
    return found


def count_pages(pdf: bytes) -> int:
    """How many pages a PDF has that a browser has printed."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def _print(browser: str, page: str, folder: Path) -> Path:
    """The page (HTML) printed to a PDF in `folder`, which is empty."""
    source, printed = folder / "page.html", folder / "page.pdf"
    source.write_text(page, encoding="utf-8")
    command = [browser, *SWITCHES, f"--user-data-dir={folder.absolute() / 'profile'}",
               f"--print-to-pdf={printed.absolute()}", source.absolute().as_uri()]  # fmt: skip
    with (folder / "said.txt").open("w+b") as said:  # a pipe, children of the browser would hold
        try:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=LONGEST
            ).returncode
        except subprocess.TimeoutExpired:
            raise PdfError(f"{browser} has not printed the page in {LONGEST} seconds.") from None
        said.seek(0)
        words = said.read().decode("utf-8", "replace").strip().splitlines()
    if code or not printed.is_file():
        last = f": {words[-1][:300]}" if words else ""
        raise PdfError(f"{browser} could not print the page (exit code {code}){last}")
    return printed
