"""What makes release/ complete: lmlib's wheel, an index page, and a first cell that installs.

The folder can be pushed to a public repository or put on any web server as it is. Its address, one
setting in course.toml, is where the first cell of every released notebook finds the wheel.
"""

import re
import tempfile
from pathlib import Path
from urllib.parse import quote

from hatchling.builders.wheel import WheelBuilder
from jinja2 import Environment, PackageLoader, StrictUndefined

import lmlib
from lmlib.grading.course import Course
from lmlib.grading.errors import CourseError
from lmlib.grading.notebooks import write_bytes, write_text

WHEEL = f"lmlib-{lmlib.__version__}-py3-none-any.whl"

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

ASK = """\
# lmlib, the course's library, has to be installed before anything else runs.
import importlib.util

if importlib.util.find_spec("lmlib") is None:
    wheel = {wheel!r}
    raise ImportError(f"lmlib is missing: install {{wheel}}, which your instructors give out.")"""


def install_cell(course: Course) -> str:
    """The source of the cell that opens every released notebook."""
    if not course.release_address:
        return ASK.format(wheel=WHEEL)
    return INSTALL.format(wheel=f"{course.release_address}/{WHEEL}")


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
    environment = Environment(
        loader=PackageLoader("lmlib.grading"), autoescape=True, undefined=StrictUndefined
    )
    address = course.release_address
    notebooks = [
        {
            "title": assignment.title,
            "path": f"{name}/{name}.ipynb",
            "colab": colab_link(address, f"{name}/{name}.ipynb") if address else "",
        }
        for name, assignment in course.assignments.items()
        if course.release(name).is_file()
    ]
    template = environment.get_template("index.html.j2")
    return template.render(title=course.title, notebooks=notebooks, wheel=WHEEL)
