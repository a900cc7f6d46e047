"""release/ is complete in itself: served from anywhere, a notebook of it runs anywhere."""

import dataclasses
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from small_course import (
    COURSE,
    NAME,
    answered,
    cell_named,
    hand_in,
    quiet,
    tiny_notebook,
    write_course,
)

from nbjudge import cli
from nbjudge.authoring import build, handed_out, release
from nbjudge.authoring.mistakes import solutions_of
from nbjudge.core import library
from nbjudge.core.course import Assignment, Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import (
    INSTALL_ID,
    METADATA_KEY,
    library_wheel,
    notebook_text,
    read_notebook,
    without_wheel,
)
from nbjudge.judge import answer_key, intake
from nbjudge.sandbox import engine
from nbjudge.workflow import grade
from tests import environments
from tests.colab import kernel

LIBRARY = "pebbles"
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "pebbles"
version = "{version}"
requires-python = ">=3.11"
dependencies = ["numpy"]

[tool.hatch.build.targets.wheel]
sources = {{"" = "pebbles"}}
include = ["*.py"]
"""
SETTINGS = COURSE.replace("lmlib", LIBRARY)


def write_library(folder: Path, version: str = "2026.11.0") -> Path:
    """A library of one function, as a project in its own folder; that folder."""
    package = folder / LIBRARY
    package.mkdir(parents=True, exist_ok=True)
    (package / "pyproject.toml").write_text(PROJECT.format(version=version))
    (package / "__init__.py").write_text(f"import numpy\n\nMADE = {version!r}\n")
    return package


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the library's checkout, from which this process imports it."""
    folder = tmp_path_factory.mktemp("checkout")
    write_library(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> str:
    """The name of the library's wheel."""
    return library.make_wheel(LIBRARY)[0]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, executor: Executor, checkout: Path
) -> Iterator[Course]:
    """The tiny course with its release complete, and its release folder served on loopback."""
    notebook = tiny_notebook()
    cell_named(notebook, "imports").source += f"\nimport {LIBRARY}"
    root = write_course(tmp_path_factory.mktemp("served") / "course", notebook).root
    (root / "release").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root / "release")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        (root / "course.toml").write_text(f'release_address = "{address}"\n{SETTINGS}')
        course = find_course(root)
        build.build(course, NAME, executor, quiet)
        release.complete(course)
        yield course
        server.shutdown()


@pytest.fixture
def handed_in(served: Course, tmp_path: Path) -> Course:
    """The same course, the test's own to change."""
    return find_course(shutil.copytree(served.root, tmp_path / "copy"))


# ---- the first cell, executed


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of a student's computer: the tests' packages, but for what is used from checkouts.

    There pip can fetch nothing but from an address that it is given.
    """
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return environments.on_top_of(Path(sys.executable), tmp_path / "computer")


def install(python: Path, folder: Path, version: str) -> None:
    """Install another version of the library."""
    made = {
        f"{LIBRARY}/__init__.py": f"MADE = {version!r}\nOLD = True\n",
        f"{LIBRARY}/more.py": "",
        f"{LIBRARY}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {LIBRARY}\nVersion: {version}\n"
        ),
        f"{LIBRARY}-{version}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{name},,\n" for name in made)
    made[f"{LIBRARY}-{version}.dist-info/RECORD"] = record
    path = folder / f"{LIBRARY}-{version}-py3-none-any.whl"
    path.write_bytes(library.zipped(made))
    environments.uv("pip", "install", "--python", python, "--no-deps", path)


def without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on pip fails, whatever it is asked for."""
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")


def executed(
    python: Path, folder: Path, first: str, before: str = "", after: str = ""
) -> dict[str, NotebookNode]:
    """The cells of a notebook with this first cell, run on a computer, by id."""
    cells = [new_code_cell(before, id="before"), new_code_cell(first, id=INSTALL_ID)]
    notebook = new_notebook(cells=[*cells, new_code_cell(after, id="after")])
    folder.mkdir()
    return kernel.run(notebook, python, folder)


def first_cell(course: Course) -> str:
    return read_notebook(course.release(NAME)).cells[0].source


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", output.get("evalue", "")) for output in cell.outputs)


LOOK = f"import {LIBRARY}; print({LIBRARY}.MADE, hasattr({LIBRARY}, 'OLD'), {LIBRARY}.__file__)"
WHO = f"import {LIBRARY}, {LIBRARY}.more; print({LIBRARY}.OLD)"


def test_a_missing_library_is_installed_once(
    served: Course, computer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = environments.installed(computer)
    cells = executed(computer, tmp_path / "first", first_cell(served), after=LOOK)
    assert cells[INSTALL_ID].outputs == []
    assert printed(cells["after"]).startswith(f"2026.11.0 False {tmp_path / 'computer'}")
    after = environments.installed(computer)
    assert after == {**before, LIBRARY: "2026.11.0"}, "and nothing else has changed"

    without_pip(monkeypatch)
    cells = executed(computer, tmp_path / "second", first_cell(served), after=LOOK)
    assert cells[INSTALL_ID].outputs == [] and printed(cells["after"]).startswith("2026.11.0")


@pytest.mark.parametrize("version", ["2025.1.0.post7", "2027.1.0"])
def test_another_version_is_replaced_even_if_it_has_been_imported(
    served: Course, computer: Path, tmp_path: Path, version: str
) -> None:
    install(computer, tmp_path, version)
    before = environments.installed(computer)
    assert before[LIBRARY] == version and "torch" in before
    cells = executed(computer, tmp_path / "run", first_cell(served), before=WHO, after=LOOK)
    assert printed(cells["before"]) == "True\n" and cells[INSTALL_ID].outputs == []
    assert printed(cells["after"]).startswith("2026.11.0 False")
    assert environments.installed(computer) == {**before, LIBRARY: "2026.11.0"}


def test_a_checkout_is_used_as_it_is(
    served: Course, computer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where an older version is installed behind it."""
    install(computer, tmp_path, "2025.1.0")
    write_library(tmp_path / "their checkout", "2030.1.0")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "their checkout"))
    without_pip(monkeypatch)
    cells = executed(computer, tmp_path / "run", first_cell(served), after=LOOK)
    assert cells[INSTALL_ID].outputs == [] and printed(cells["after"]).startswith("2030.1.0 False")


def test_without_network_the_first_cell_says_what_is_wrong(
    served: Course, computer: Path, tmp_path: Path
) -> None:
    source = first_cell(served).replace(served.release_address, "http://127.0.0.1:9")
    cells = executed(computer, tmp_path / "run", source)
    error = cells[INSTALL_ID].outputs[-1]
    assert (error.ename, error.evalue) == (
        "ImportError",
        f"{LIBRARY} 2026.11.0 could not be installed from http://127.0.0.1:9/"
        f"{LIBRARY}-2026.11.0-py3-none-any.whl: is the network there?",
    )


@pytest.mark.parametrize(
    ("version", "found"),
    [(None, "none is installed"), ("2025.1.0", "2025.1.0 is installed"), ("2026.11.0", "")],
)
def test_without_an_address_the_first_cell_says_what_to_install(
    served: Course, computer: Path, tmp_path: Path, version: str | None, found: str
) -> None:
    source = release.install_cell(dataclasses.replace(served, release_address=""), NAME)
    assert "pip" not in source
    if version:
        install(computer, tmp_path, version)
    cells = executed(computer, tmp_path / "run", source)
    sentence = (
        f"This notebook needs {LIBRARY} 2026.11.0, and {found}: install {LIBRARY}-2026.11.0-py3-"
        "none-any.whl, which your instructors give out, and restart the kernel."
    )
    assert printed(cells[INSTALL_ID]) == (sentence if found else "")


def test_the_first_cell_says_that_pytorch_is_missing_and_how_to_get_it(
    served: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_torch = [replace_packages(one, ("torch",)) for one in served.assignments.values()]
    course = dataclasses.replace(served, assignments={one.name: one for one in with_torch})
    source = release.install_cell(course, NAME)
    assert "look_for_torch" not in release.install_cell(served, NAME)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install torch --index-url https://download.py"):
        exec(source[source.index("def look_for_torch") :], {})


def replace_packages(assignment: Assignment, packages: tuple[str, ...]) -> Assignment:
    return dataclasses.replace(assignment, packages=packages)


# ---- what is graded


def test_no_version_of_the_library_changes_what_is_graded(
    handed_in: Course, checkout: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new wheel makes a new release, and nobody is graded again."""
    before = answer_key.load_key(handed_in.key(NAME), NAME)
    hand_in(handed_in, "ada", answered(handed_in, **solutions_of(tiny_notebook())))
    graded = grade.grade(handed_in, NAME, executor)
    handed_out.hand_out(handed_in, NAME)
    old = library.make_wheel(LIBRARY)[0]
    try:
        write_library(checkout, "2026.12.0")
        (checkout / LIBRARY / "__init__.py").write_text("import numpy\n\nMADE = '2026.11.0'\n")
        new = library.make_wheel(LIBRARY)[0]
        assert build.build(handed_in, NAME, executor, quiet)
        release.complete(handed_in)
    finally:
        write_library(checkout)
    assert library_wheel(first_cell(handed_in)) == new != old
    wheels = {path.name for path in (handed_in.root / "release").glob("*.whl")}
    assert wheels == {old, new}, "notebooks that students have ask for the old one"
    assert answer_key.load_key(handed_in.key(NAME), NAME).digest == before.digest
    monkeypatch.setattr(engine, "run", lambda task: pytest.fail("ada was graded again"))
    assert grade.grade(handed_in, NAME, executor) == graded


def test_what_a_student_adds_to_the_first_cell_runs_and_installs_nothing(served: Course) -> None:
    template = answer_key.load_key(served.key(NAME), NAME).template
    assert cell_named(template, INSTALL_ID).source == without_wheel(first_cell(served))
    notebook = answered(served)
    made = intake.assemble(
        template,
        intake.parse_submission(notebook_text(notebook), NAME, Limits()),
        ["numpy", LIBRARY],
    )
    assert made.notes == () and len(made.notebook.cells) == len(template.cells)
    cell_named(notebook, INSTALL_ID).source += "\nimport math"
    made = intake.assemble(
        template,
        intake.parse_submission(notebook_text(notebook), NAME, Limits()),
        ["numpy", LIBRARY],
    )
    first = made.notebook.cells[0].source
    assert first.endswith("import math") and not library_wheel(first)


# ---- the folder


def test_the_folder_holds_what_a_student_needs_and_nothing_else(served: Course, wheel: str) -> None:
    names = {path.name for path in (served.root / "release").iterdir()}
    assert names == {NAME, "index.html", wheel}


def test_completing_twice_writes_the_same_bytes(served: Course) -> None:
    folder = served.root / "release"
    before = {path: path.read_bytes() for path in folder.glob("*.*")}
    (folder / f"{LIBRARY}-0.0.1-py3-none-any.whl").write_bytes(b"one that nobody has")
    release.complete(served)
    assert {path: path.read_bytes() for path in folder.glob("*.*")} == before


def test_a_course_without_a_library_has_no_wheel_and_no_installing_cell(
    built_once: Callable[..., Path],
) -> None:
    course = find_course(built_once(COURSE.replace('library = "lmlib"\n', "")))
    release.complete(course)
    assert not list((course.root / "release").glob("*.whl"))
    assert INSTALL_ID not in {cell.id for cell in read_notebook(course.release(NAME)).cells}
    assert "whl" not in (course.root / "release" / "index.html").read_text()


def test_the_index_links_each_notebook_and_colab(served: Course) -> None:
    page = (served.root / "release" / "index.html").read_text()
    assert f'href="{NAME}/{NAME}.ipynb"' in page and f'href="{LIBRARY}-2026.11.0-' in page
    port = served.release_address.rpartition(":")[2]
    fetched = f"http%3A%2F%2F127.0.0.1%3A{port}%2F{NAME}%2F{NAME}.ipynb"
    assert f"https://colab.research.google.com/#fileId={fetched}" in page
    assert "<script" not in page


def test_the_index_tells_what_a_notebook_says_of_itself(course: Course) -> None:
    notebook = read_notebook(course.release(NAME))
    release.complete(course)
    page = (course.root / "release" / "index.html").read_text()
    assert "5 points" in page and "extra" not in page and "Needs" not in page
    assert "in Colab" not in page, "there is no address that Colab could fetch from"
    cell_named(
        notebook, "title"
    ).source = (
        "# A set of *one* < two\n\n**Time** an hour · **Needs** a <b>pen</b> · **Computer** any"
    )
    cell_named(notebook, "scaled_check").metadata[METADATA_KEY] = {"extra_credit": 1.5}
    nbformat.write(notebook, course.release(NAME))
    (course.release(NAME).parent / "table.csv").write_bytes(b"")
    release.complete(course)
    page = (course.root / "release" / "index.html").read_text()
    assert "<h2>A set of *one* &lt; two</h2>" in page
    for words in ("5 points and 1.5 extra", "an hour", "Needs a &lt;b&gt;pen&lt;/b&gt;."):
        assert words in page
    assert f'href="{NAME}/table.csv"' in page


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://raw.githubusercontent.com/ada/course/main", "ada/course/blob/main/ps/ps.ipynb"),
        ("https://github.com/ada/course/raw/main", "ada/course/blob/main/ps/ps.ipynb"),
        (
            "https://raw.githubusercontent.com/ada/course/refs/heads/main/2026",
            "ada/course/blob/main/2026/ps/ps.ipynb",
        ),
    ],
)
def test_a_repository_on_github_has_its_own_place_in_colab(address: str, link: str) -> None:
    expected = f"https://colab.research.google.com/github/{link}"
    assert release.colab_link(address, "ps/ps.ipynb") == expected


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    write_course(tmp_path)
    for wrong in ('"ftp://somewhere"', "7", '"https://a b"'):
        (tmp_path / "course.toml").write_text(f"release_address = {wrong}\n{COURSE}")
        with pytest.raises(CourseError, match="release_address must be the http or https address"):
            find_course(tmp_path)


def test_the_command_completes_the_release(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["--course", str(course.root), "build"]) == 0
    assert (course.root / "release" / "index.html").is_file()


def test_a_new_address_makes_a_new_release(handed_in: Course, executor: Executor) -> None:
    path = handed_in.root / "course.toml"
    path.write_text(path.read_text().replace(handed_in.release_address, "https://example.org/lm"))
    moved = find_course(handed_in.root)
    assert build.build(moved, NAME, executor, quiet)
    assert f'"https://example.org/lm/{LIBRARY}-2026' in first_cell(moved)
