"""What makes release/ complete: the library's wheel, an index page, and a first cell that installs.

The folder can be pushed to a public repository or put on any web server as it is. Its address, one
setting in course.toml, is where the first cell of every released notebook finds the wheel.
"""

import functools
import importlib.util
import re
import tempfile
from pathlib import Path
from urllib.parse import quote

from hatchling.builders.wheel import WheelBuilder

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_bytes, write_text
from nbjudge.core.notebooks import extra_credit, points, read_notebook
from nbjudge.judge.scorers import load_scorer
from nbjudge.pages.templates import template

TOP = re.compile(r"\*\*Time\*\* (?P<time>.+?) · \*\*Needs\*\* (?P<needs>.+?) · ")
"""Time and prerequisites of a problem set, if its notebook states them."""

INSTALL = """\
# Installs {library}, the course's library, where it is missing, as in Colab; otherwise does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec({library!r}) is None:
    wheel = {wheel!r}
    installed = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wheel])
    if installed.returncode:
        raise ImportError(f"{library} could not be installed from {{wheel}}; is the network there?")
    importlib.invalidate_caches()"""

FETCH = """

    from urllib.request import urlretrieve

    for name in {names!r}:  # what lies next to the notebook, and not next to the copy that Colab opens
        try:
            urlretrieve(f"{address}/{{name}}", name)
        except OSError as error:
            print(name, "could not be fetched:", error)"""

ASK = """\
# {library}, the course's library, has to be installed before anything else runs.
import importlib.util

if importlib.util.find_spec({library!r}) is None:
    wheel = {wheel!r}
    raise ImportError(f"{library} is missing: install {{wheel}}, which your instructors give out.")"""


def install_cell(course: Course, name: str) -> str:
    """The source of the first cell in the released notebook of the assignment `name`."""
    address, library = course.release_address, course.library
    wheel, _ = make_wheel(library)
    if not address:
        return ASK.format(library=library, wheel=wheel)
    source = INSTALL.format(library=library, wheel=f"{address}/{wheel}")
    if names := _handed_out(course, name):
        source += FETCH.format(names=names, address=f"{address}/{name}")
    return source


def _handed_out(course: Course, name: str) -> tuple[str, ...]:
    """The files that the assignment's scorer hands out next to the notebook."""
    scorer = course.assignment(name).scorer
    return load_scorer(scorer, course.root).hands_out if scorer else ()


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
    """Write the wheel and the index page next to the released notebooks.

    Raises CourseError if no wheel of the course's library can be made.
    """
    folder = course.root / "release"
    if course.library:
        name, wheel = make_wheel(course.library)
        if not (folder / name).is_file() or (folder / name).read_bytes() != wheel:
            write_bytes(folder / name, wheel)
        for old in folder.glob(f"{course.library}-*.whl"):
            if old.name != name:
                old.unlink()
    write_text(folder / "index.html", _index(course))


@functools.cache
def make_wheel(library: str) -> tuple[str, bytes]:
    """The name and the contents of the library's wheel: the same bytes for the same sources.

    Raises CourseError if the library is not installed from its sources.
    """
    spec = importlib.util.find_spec(library)
    places = list(spec.submodule_search_locations or ()) if spec else []
    root = Path(places[0]).parent if places else None
    if root is None or not (root / "pyproject.toml").is_file():
        raise CourseError(
            f"No wheel of {library} can be made for students: there is no pyproject.toml next to "
            "the package; install it with `pip install -e` from its repository."
        )
    with tempfile.TemporaryDirectory() as folder:
        (path,) = WheelBuilder(str(root)).build(directory=folder, versions=["standard"])
        return Path(path).name, Path(path).read_bytes()


def _index(course: Course) -> str:
    notebooks = [
        _entry(course, name) for name in course.assignments if course.release(name).is_file()
    ]
    return template("index").render(
        title=course.title,
        notebooks=notebooks,
        has_colab=bool(course.release_address),
        wheel=make_wheel(course.library)[0] if course.library else "",
    )


def _entry(course: Course, name: str) -> dict[str, str | float | list[str]]:
    """The index page's facts about a released notebook; some come from the top of the notebook."""
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
