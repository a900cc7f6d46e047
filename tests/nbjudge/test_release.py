"""release/ is complete in itself: served from anywhere, a notebook of it runs anywhere."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import nbformat
import pytest
from small_course import (
    COURSE,
    NAME,
    answered,
    cell_named,
    quiet,
    tiny_notebook,
    write_course,
)

from nbjudge import cli
from nbjudge.authoring import build, release
from nbjudge.authoring.mistakes import solutions_of
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import read_notebook
from tests import environments

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, executor: Executor) -> Iterator[Course]:
    """The tiny course with its release complete, and its release folder served on loopback."""
    root = tmp_path_factory.mktemp("served") / "course"
    write_course(root)
    (root / "release").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root / "release")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        (root / "course.toml").write_text(f'release_address = "{address}"\n{COURSE}')
        course = find_course(root)
        build.build(course, NAME, executor, quiet)
        release.complete(course)
        yield course
        server.shutdown()


def test_a_released_notebook_runs_where_lmlib_was_never_installed(
    served: Course, tmp_path: Path
) -> None:
    """In a new virtual environment and an empty folder, with nothing but the served files."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    python = environments.new(
        tmp_path / "venv", "--constraint", ROOT / "constraints.txt",
        "pip", "ipykernel", "nbclient", "nbformat",
    )  # fmt: skip

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *words], cwd=folder, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    folder = tmp_path / "empty"
    folder.mkdir()
    assert "No module named 'lmlib'" in run("-c", "import lmlib").stderr

    notebook = answered(served, **solutions_of(tiny_notebook()))
    notebook.cells.append(nbformat.v4.new_code_cell("import lmlib\nprint(lmlib.__file__)"))
    nbformat.write(notebook, folder / "work.ipynb")
    code = "import nbclient, nbformat\n"
    code += "notebook = nbformat.read('work.ipynb', 4)\n"
    code += "nbclient.NotebookClient(notebook, timeout=300, kernel_name='python3').execute()\n"
    code += "nbformat.write(notebook, 'done.ipynb')"
    ran = run("-c", code)
    assert ran.returncode == 0, ran.stderr
    done = nbformat.read(folder / "done.ipynb", 4)
    assert done.cells[-1].outputs[0].text.startswith(str(tmp_path / "venv"))

    environment["PIP_INDEX_URL"] = "http://127.0.0.1:9/"  # a second run does not call pip
    assert run("-c", code).returncode == 0
    again = nbformat.read(folder / "done.ipynb", 4)
    assert again.cells[0].outputs == []


def test_without_network_the_first_cell_says_what_is_wrong(served: Course) -> None:
    source = read_notebook(served.release(NAME)).cells[0].source
    source = source.replace('find_spec("lmlib")', 'find_spec("lmlib_not_there")')
    source = source.replace(served.release_address, "http://127.0.0.1:9")
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert "ImportError: lmlib could not be installed from http://127.0.0.1:9/" in done.stderr


def test_without_an_address_the_first_cell_says_what_to_install(course: Course) -> None:
    first = read_notebook(course.release(NAME)).cells[0]
    assert first.id == "install_library" and release.WHEEL in first.source
    assert "pip" not in first.source
    missing = first.source.replace('find_spec("lmlib")', 'find_spec("lmlib_not_there")')
    with pytest.raises(ImportError, match="lmlib is missing: install lmlib-.*whl"):
        exec(missing, {})
    exec(first.source, {})  # here lmlib is installed, and nothing happens


def test_the_folder_holds_what_a_student_needs_and_nothing_else(served: Course) -> None:
    names = {path.name for path in (served.root / "release").iterdir()}
    assert names == {NAME, "index.html", release.WHEEL}
    with zipfile.ZipFile(served.root / "release" / release.WHEEL) as wheel:
        files = wheel.namelist()
    assert "lmlib/data/shakespeare.txt" in files
    assert {"lmlib/pretrained/rnn.safetensors", "lmlib/pretrained/gru.safetensors"} <= set(files)
    tops = {name.split("/")[0] for name in files}
    assert tops == {"lmlib", release.WHEEL.replace("-py3-none-any.whl", ".dist-info")}


def test_completing_twice_writes_the_same_bytes(served: Course) -> None:
    folder = served.root / "release"
    before = {path: path.read_bytes() for path in folder.glob("*.*")}
    (folder / "lmlib-0.0.1-py3-none-any.whl").write_bytes(b"an older one")
    release.complete(served)
    assert {path: path.read_bytes() for path in folder.glob("*.*")} == before


def test_the_index_links_each_notebook_and_colab(served: Course) -> None:
    page = (served.root / "release" / "index.html").read_text()
    assert f'href="{NAME}/{NAME}.ipynb"' in page and release.WHEEL in page
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
    cell_named(notebook, "scaled_check").metadata["nbjudge"] = {"extra_credit": 1.5}
    nbformat.write(notebook, course.release(NAME))
    (course.release(NAME).parent / release.CONTEXTS).write_bytes(b"")
    release.complete(course)
    page = (course.root / "release" / "index.html").read_text()
    assert "<h2>A set of *one* &lt; two</h2>" in page
    for words in ("5 points and 1.5 extra", "an hour", "Needs a &lt;b&gt;pen&lt;/b&gt;."):
        assert words in page
    assert f'href="{NAME}/{release.CONTEXTS}"' in page


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


def test_a_new_address_makes_a_new_release(course: Course, executor: Executor) -> None:
    path = course.root / "course.toml"
    path.write_text(f'release_address = "https://example.org/lm"\n{path.read_text()}')
    moved = find_course(course.root)
    assert build.build(moved, NAME, executor, quiet)
    cells = json.loads(moved.release(NAME).read_text())["cells"]
    assert f"https://example.org/lm/{release.WHEEL}" in "".join(cells[0]["source"])
