"""What makes release/ complete: lmlib's wheel, an index page, and a first cell that installs.

The folder can be pushed to a public repository or put on any web server as it is. Its address, one
setting in course.toml, is where the first cell of every released notebook finds the wheel.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from hatchling.builders.wheel import WheelBuilder
from nbformat import NotebookNode

import lmlib
from lmlib.grading.course import Course
from lmlib.grading.errors import CourseError
from lmlib.grading.notebooks import (
    extra_credit,
    points,
    read_notebook,
    scored_file,
    write_bytes,
    write_text,
)
from lmlib.grading.pages import template

CONTEXTS = "contexts.npz"
"""What students are to continue, beside a notebook that has them hand in what they made of it."""

WHEEL = f"lmlib-{lmlib.__version__}-py3-none-any.whl"

TOP = re.compile(r"\*\*Time\*\* (?P<time>.+?) · \*\*Needs\*\* (?P<needs>.+?) · ")
"""How long a problem set takes and what one should know, where its notebook says so."""

INSTALL = """\
# Installs lmlib, the course's library, where it is missing, as in Colab; otherwise does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("lmlib") is None:
    wheel = {wheel!r}
    installed = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wheel])
    if installed.returncode:
        raise ImportError(f"lmlib could not be installed from {{wheel}}; is the network there?")
    importlib.invalidate_caches()"""

FETCH = """

    from urllib.request import urlretrieve

    try:  # what lies beside the notebook, and not beside the copy that Colab opens
        urlretrieve({file!r}, {name!r})
    except OSError as error:
        print({name!r}, "could not be fetched:", error)"""

ASK = """\
# lmlib, the course's library, has to be installed before anything else runs.
import importlib.util

if importlib.util.find_spec("lmlib") is None:
    wheel = {wheel!r}
    raise ImportError(f"lmlib is missing: install {{wheel}}, which your instructors give out.")"""


def install_cell(course: Course, name: str, cells: Sequence[NotebookNode]) -> str:
    """The source of the cell that opens the released notebook of the assignment `name`."""
    address = course.release_address
    if not address:
        return ASK.format(wheel=WHEEL)
    source = INSTALL.format(wheel=f"{address}/{WHEEL}")
    if any(map(scored_file, cells)):
        source += FETCH.format(file=f"{address}/{name}/{CONTEXTS}", name=CONTEXTS)
    return source


def colab_link(address: str, path: str) -> str:
    """Where Colab opens the notebook at `path` below the release's `address`.

    A repository on GitHub has an address of its own in Colab; from any other server Colab fetches
    the file itself, which that server must allow (CORS).
    """
    github = re.fullmatch(
        r"https://(?:raw\.githubusercontent\.com/([^/]+/[^/]+)/|github\.com/([^/]+/[^/]+)/raw/)"
        r"(?:refs/heads/)?([^/]+)(/.*)?",
        address,
    )
    if github is None:
        return f"https://colab.research.google.com/#fileId={quote(f'{address}/{path}', safe='')}"
    repository, branch, below = github[1] or github[2], github[3], github[4] or ""
    return f"https://colab.research.google.com/github/{repository}/blob/{branch}{below}/{path}"


def complete(course: Course) -> None:
    """Write the wheel and the index page beside the released notebooks.

    Raises CourseError where this lmlib has no source to make a wheel of.
    """
    folder = course.root / "release"
    wheel = make_wheel()
    if not (folder / WHEEL).is_file() or (folder / WHEEL).read_bytes() != wheel:
        write_bytes(folder / WHEEL, wheel)
    for old in folder.glob("lmlib-*.whl"):
        if old.name != WHEEL:
            old.unlink()
    write_text(folder / "index.html", _index(course))


def make_wheel() -> bytes:
    """lmlib's wheel: the same bytes for the same sources."""
    root = Path(lmlib.__file__).parents[1]
    if not (root / "pyproject.toml").is_file():
        raise CourseError(
            f"lmlib at {root} has no pyproject.toml beside it, so no wheel can be made for "
            "students; install the course with `pip install -e` from its repository."
        )
    with tempfile.TemporaryDirectory() as folder:
        (path,) = WheelBuilder(str(root)).build(directory=folder, versions=["standard"])
        return Path(path).read_bytes()


def _index(course: Course) -> str:
    notebooks = [
        _entry(course, name) for name in course.assignments if course.release(name).is_file()
    ]
    return template("index").render(
        title=course.title,
        notebooks=notebooks,
        has_colab=bool(course.release_address),
        wheel=WHEEL,
    )


def _entry(course: Course, name: str) -> dict[str, str | float | list[str]]:
    """What the index page tells of a released notebook; some of it stands at the notebook's top."""
    path, address = course.release(name), course.release_address
    cells = read_notebook(path).cells
    opening = next((cell.source for cell in cells if cell.cell_type == "markdown"), "")
    heading, top = re.match("# (.+)", opening), TOP.search(opening)
    beside = sorted(other.name for other in path.parent.glob("*") if other.suffix != ".ipynb")
    return {
        "title": heading[1] if heading else course.assignment(name).title,
        "points": sum(map(points, cells)),
        "extra": sum(map(extra_credit, cells)),
        "time": top["time"] if top else "",
        "needs": top["needs"] if top else "",
        "colab": colab_link(address, f"{name}/{path.name}") if address else "",
        "files": [f"{name}/{file}" for file in (path.name, *beside)],
    }
