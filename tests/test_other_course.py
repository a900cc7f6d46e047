"""Another course, of two small sets, with the grader's wheel and without this course's packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbjudge.core import library
from tests import environments

HERE = Path(__file__).parent / "other_course"

RIGHT = {
    "density": "def density(counts, hectares):\n    return counts / np.reshape(hectares, (-1, 1))",
    "shannon": """def shannon(counts):
    p = counts[counts > 0] / counts.sum()
    return -sum(p * np.log(p))""",
    "tidy": 'def tidy(name):\n    return " ".join(part.lower() for part in name.split())',
    "tally": (HERE / "tests/alternates/names/tally/counter.py").read_text(),
}
WRONG = {
    **RIGHT,
    "density": "def density(counts, hectares):\n    return counts / hectares",
    "shannon": RIGHT["shannon"].replace("np.log(", "np.log2("),
    "tally": "def tally(names):\n    raise SystemExit",
}
BY_SPECIES = "Each column was divided by the size of a site, instead of each row."


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the grader's wheel, and of the tests' packages those that it needs."""
    folder = tmp_path_factory.mktemp("installed")
    name, content = library.make_wheel("nbjudge")
    (folder / name).write_bytes(content)
    made = environments.on_top_of(Path(sys.executable), folder / "environment")
    environments.uv("pip", "install", "--python", made, "--no-deps", folder / name)
    alembic = made.with_name("alembic")  # nbgrader starts it as a command
    alembic.write_text(f'#!/bin/sh\nexec "{made}" -m alembic.config "$@"\n')
    alembic.chmod(0o755)
    return made


def run(python: Path, folder: Path, *words: str) -> str:
    """Run a command in a folder, with nothing of this repository in reach; what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


LOOK = """
import importlib.util, nbjudge
print([importlib.util.find_spec(name) for name in ("lmlib", "scorers")], nbjudge.__file__)
"""


def test_only_the_grader_is_installed_there(python: Path, tmp_path: Path) -> None:
    said = run(python, tmp_path, str(python), "-c", LOOK)
    place = environments.site_packages(python) / "nbjudge" / "__init__.py"
    assert said.strip() == f"[None, None] {place}"


@pytest.fixture(scope="module")
def built(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other") / "field notes"
    shutil.copytree(HERE, folder)
    run(python, folder, str(python.with_name("nbjudge")), "build")
    return folder


def test_it_is_built_without_a_library(built: Path) -> None:
    for name in ("counting", "names"):
        notebook = nbformat.read(built / "release" / name / f"{name}.ipynb", 4)
        text = "".join(cell.source for cell in notebook.cells)
        assert notebook.cells[0].id == "title" and "COURSE_LIBRARY" not in text
        assert "HIDDEN" not in text and "raise NotImplementedError()" in text
    assert not list((built / "release").glob("*.whl"))
    assert "Counting birds" in (built / "release" / "index.html").read_text()


def test_its_audit_catches_and_names_every_mistake(python: Path, built: Path) -> None:
    said = run(python, built, str(python.with_name("nbjudge")), "audit")
    last = said.strip().splitlines()[-1]
    assert last == "audit: mistakes 4/4 caught, 4 named; alternates 2/2 kept"


def hand_in(course: Path, student: str, name: str, answers: dict[str, str]) -> None:
    notebook = nbformat.read(course / "release" / name / f"{name}.ipynb", 4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def test_it_is_graded_and_fed_back(python: Path, built: Path) -> None:
    command = str(python.with_name("nbjudge"))
    for name in ("counting", "names"):
        hand_in(built, "ada", name, RIGHT)
        hand_in(built, "bob", name, WRONG)
    scores = {}
    for name in ("counting", "names"):
        said = run(python, built, command, "grade", name, "--json")
        for record in json.loads(said[said.index("[") : said.rindex("]") + 1]):
            verdicts = record["verdicts"]
            scores[record["student"], name] = [verdict["score"] for verdict in verdicts]
        run(python, built, command, "feedback", name)
    assert scores == {
        ("ada", "counting"): [4, 4],
        ("bob", "counting"): [2, 2],  # one site is divided right; bits earn half
        ("ada", "names"): [2, 4],
        ("bob", "names"): [2, 0],
    }
    pages = {page: page.read_text() for page in (built / "feedback").rglob("*.html")}
    told = [page for page, text in pages.items() if BY_SPECIES in text]
    assert len(pages) == 4 and len(told) == 1 and "bob" in str(told[0])


def test_its_autograder_has_the_grader_as_it_is_installed(python: Path, built: Path) -> None:
    """A wheel that is put together again is installed like the one that it came from."""
    run(python, built, str(python.with_name("nbjudge")), "gradescope", "names")
    unpacked = built / "unpacked"
    shutil.unpack_archive(built / "gradescope" / "names.zip", unpacked)
    [wheel] = (unpacked / "wheels").iterdir()
    again = environments.on_top_of(Path(sys.executable), built / "again")
    environments.uv("pip", "install", "--python", again, "--no-deps", wheel)
    first, second = (
        {path.relative_to(place): path.read_bytes() for path in place.rglob("*.*")
         if path.is_file() and path.suffix != ".pyc"}
        for place in (environments.site_packages(one) / "nbjudge" for one in (python, again))
    )  # fmt: skip
    assert first == second and Path("pages/html/feedback.css") in first
    assert again.with_name("nbjudge").exists()
