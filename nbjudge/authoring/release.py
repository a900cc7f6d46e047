"""What makes release/ complete: the library's wheel, an index page, and a first cell that installs.

The folder can be pushed to a public repository or put on any web server as it is. Its address, one
setting in course.toml, is where the first cell of every released notebook finds the wheel.
"""

import re
from urllib.parse import quote

from nbjudge.authoring.handed_out import asked_for
from nbjudge.core.course import Course
from nbjudge.core.files import write_bytes, write_text
from nbjudge.core.library import make_wheel
from nbjudge.core.notebooks import extra_credit, points, read_notebook
from nbjudge.judge.scorers import load_scorer
from nbjudge.pages.templates import template

TOP = re.compile(r"\*\*Time\*\* (?P<time>.+?) · \*\*Needs\*\* (?P<needs>.+?) · ")
"""Time and prerequisites of a problem set, if its notebook states them."""

LOOK = """\
# Needs {library}, the course's library, in this version{where}.
COURSE_LIBRARY = "{wheel}"


def install_library(wheel):
    import importlib.metadata
    import importlib.util
    import os
    import sys

    version = wheel.rpartition("/")[2].split("-")[1] if wheel else ""
    spec = importlib.util.find_spec("{library}")
    place = [os.path.dirname(os.path.dirname(spec.origin))] if spec and spec.origin else []
    found = importlib.metadata.distributions(name="{distribution}", path=place)
    known = [one.version for one in found]
    if not wheel or (spec and known in ([version], [])):  # a checkout has no version
        return
"""

INSTALL = """
    import subprocess

    if subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wheel]).returncode:
        raise ImportError(
            f"{library} {{version}} could not be installed from {{wheel}}: is the network there?"
        )
    for module in [name for name in sys.modules if name.split(".")[0] == "{library}"]:
        del sys.modules[module]  # of the version before
    importlib.invalidate_caches()
"""

FETCH = """
    from urllib.request import urlretrieve

    for name in {names!r}:  # next to the notebook, but not next to the copy that Colab opens
        try:
            if not os.path.exists(name):
                urlretrieve(f"{{wheel.rpartition('/')[0]}}/{assignment}/{{name}}", name)
        except OSError as error:
            print(name, "could not be fetched:", error)
"""

ASK = """
    found = f"{{known[0]}} is installed" if known else "none is installed"
    raise ImportError(
        f"This notebook needs {library} {{version}}, and {{found}}: install {{wheel}}, which your "
        "instructors give out, and restart the kernel."
    )
"""

CALL = """

install_library(COURSE_LIBRARY)"""

TORCH = """


def look_for_torch():
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise ImportError(
            "This notebook needs PyTorch: run `pip install torch --index-url "
            "https://download.pytorch.org/whl/cpu` in a terminal (on a Mac `pip install torch`), "
            "in the environment of this notebook, and restart the kernel."
        )


look_for_torch()"""


def install_cell(course: Course, name: str) -> str:
    """The source of the cell that opens the released notebook of the assignment `name`."""
    address, wheel = course.release_address, make_wheel(course.library)[0]
    parts = [LOOK, *([INSTALL, FETCH] if address else [ASK]), CALL]
    parts += [TORCH] if "torch" in course.assignment(name).packages else []
    names = _handed_out(course, name)
    return "".join(parts if names else [part for part in parts if part != FETCH]).format(
        library=course.library,
        distribution=wheel.partition("-")[0],
        wheel=f"{address}/{wheel}" if address else wheel,
        where=": installs it if it is missing, as in Colab" if address else "",
        names=names,
        assignment=name,
    )


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

    An older wheel stays if students have a notebook that asks for it.  Raises CourseError if no
    wheel can be made of the course's library.
    """
    folder = course.root / "release"
    if course.library:
        name, wheel = make_wheel(course.library)
        if not (folder / name).is_file() or (folder / name).read_bytes() != wheel:
            write_bytes(folder / name, wheel)
        for old in set(folder.glob("*.whl")) - {folder / one for one in (name, *asked_for(course))}:
            old.unlink()
    write_text(folder / "index.html", _index(course))


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
