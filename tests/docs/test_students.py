"""docs/student.md, followed word for word by a student with a release and a terminal.

Nothing is downloaded: pip has no index, and finds what lmlib needs beside it, as links to the
running environment's packages. lmlib itself is installed from the wheel that students get.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lmlib import experiments, pdf
from nbjudge.authoring import build
from nbjudge.authoring.mistakes import solutions_of
from nbjudge.core.course import find_course
from nbjudge.core.files import write_bytes, write_text
from nbjudge.core.library import make_wheel
from nbjudge.core.notebooks import notebook_text, read_notebook
from tests.docs.pages import ROOT, blocks, command_lines, section

PAGE = ROOT / "docs" / "student.md"
NAME = "ps1_rnn_sampling"
WHEEL = "lmlib-VERSION-py3-none-any.whl"
SERVER = "jupyter lab"  # it does not end; tests/browser opens one


@dataclass(frozen=True)
class Student:
    """A student's folder, and the first words of the page that are typed in it."""

    folder: Path
    python: Path  # a folder for PATH, in which python3 is the running one

    def types(self, line: str, may_fail: bool = False) -> str:
        """What a command prints, in a terminal in which the environment is on if there is one."""
        switch = ". .venv/bin/activate; " if (self.folder / ".venv").exists() else ""
        done = subprocess.run(
            ["bash", "-c", switch + line],
            cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert may_fail or done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """A student's: no index to download from, and seconds of training in place of minutes."""
        kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
        path = f"{self.python}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "PIP_NO_INDEX": "1", "LMLIB_PROFILE": "smoke"}

    def runs(self, notebook: str) -> list[str]:
        """What *Restart Kernel and Run All Cells* shows, output by output; it stops at an error."""
        command = "python -m nbconvert --to notebook --output ran.ipynb --execute"
        self.types(f"{command} --allow-errors {notebook}")
        shown = []
        for cell in nbformat.read(self.folder / "ran.ipynb", as_version=4).cells:
            for output in cell.get("outputs", []):
                shown.append("".join(output.get("traceback", output.get("text", ""))))
                if output.output_type == "error":
                    return shown
        return shown


def link_packages(folder: Path) -> None:
    """Let the environment in `folder` find all packages of the running one, but for lmlib."""
    packages = folder / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(
            r"_?(editable_impl_)?lmlib|language_models_course|pip|.*\.pth$|distutils", entry.name
        ):
            (packages / entry.name).symlink_to(entry)
    (place,) = (folder / ".venv").glob("lib/python*/site-packages")
    for old in place.glob("setuptools*"):  # pip would have to replace it; the linked one is newer
        shutil.rmtree(old)
    (place / "linked.pth").write_text(f"{packages}\n")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Student:
    """A student who has done what the page says before the first problem set."""
    folder = tmp_path_factory.mktemp("a student")
    made = Student(folder / "course", folder / "bin")
    made.folder.mkdir()
    made.python.mkdir()
    (made.python / "python3").symlink_to(Path(sys.executable).resolve())
    course = find_course(ROOT)
    source, _, released = build.check_source(course, NAME)
    write_text(made.folder / f"{NAME}.ipynb", notebook_text(released))
    for cell in released.cells:
        cell.source = solutions_of(source).get(cell.id, cell.source)
    write_text(made.folder / "solved.ipynb", notebook_text(released))
    wheel, content = make_wheel("lmlib")
    write_bytes(made.folder / wheel, content)
    for line in command_lines(section(PAGE, "Before the first problem set")):
        if line == SERVER:
            continue
        made.types(line.replace(WHEEL, wheel))
        if "-m venv" in line:
            link_packages(made.folder)
    return made


def test_lmlib_comes_from_the_wheel(student: Student) -> None:
    printed = student.types('python -c "import lmlib; print(lmlib.__file__)"')
    assert Path(printed.strip()).is_relative_to(student.folder / ".venv")


def test_an_exercise_that_is_not_written_says_what_the_page_shows(student: Student) -> None:
    (shown,) = blocks(section(PAGE, "Working"), "text")
    *before, last = student.runs(f"{NAME}.ipynb")
    assert shown.strip(" …\n") in last and "Traceback" not in last
    assert not any("✗" in text for text in before)


def test_the_solved_notebook_shows_checks_that_hold(student: Student) -> None:
    printed = "".join(student.runs("solved.ipynb"))
    assert printed.count("✓") > 20 and "✗" not in printed and "Traceback" not in printed


def test_a_notebook_without_lmlib_says_what_the_page_shows(student: Student) -> None:
    first = read_notebook(student.folder / f"{NAME}.ipynb").cells[0].source
    without = f"import importlib.util\nimportlib.util.find_spec = lambda name: None\n{first}"
    (student.folder / "without.py").write_text(without)
    assert "`ImportError: This notebook needs lmlib`" in PAGE.read_text()
    assert "ImportError: This notebook needs lmlib" in student.types(
        "python without.py", may_fail=True
    )


def test_a_run_of_problem_set_5_is_listed_and_packed(student: Student) -> None:
    folder = student.folder / "ps5"
    test_set = "0123456789ab"
    folder.mkdir()
    (folder / "ps5_attention_backward.ipynb").write_text("{}")
    arrays = {"contexts": np.zeros((4, 31)), "beginnings": np.zeros((2, 41))}
    np.savez(folder / "contexts.npz", test_set=np.array(test_set), **arrays)
    run = experiments.new_run(folder / experiments.FOLDER)
    experiments.save_predictions(run, np.zeros((4, 31)), test_set)
    experiments.save_generations(run, ["A" * 30] * 2, test_set)
    (line,) = command_lines(section(PAGE, "Submitting"))
    assert run.name in student.types(f"cd ps5; {line}")
    assert "`lmlib submit RUN`" in PAGE.read_text()
    assert "hand it in" in student.types(f"cd ps5; lmlib submit {run.name}")
    assert list(folder.glob("*.zip"))


def test_a_report_and_a_notebook_become_pdfs(student: Student) -> None:
    try:
        pdf.find_browser()
    except pdf.PdfError:
        pytest.skip("there is no Chromium on this machine")
    (student.folder / "report.md").write_text("# A report\n\nOf one sentence.\n")
    project = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A project")])
    nbformat.write(project, student.folder / "project.ipynb")
    for line in command_lines(section(PAGE, "A PDF")):
        student.types(line.replace(WHEEL, make_wheel("lmlib")[0]))
    for name in ("report.pdf", "project.pdf"):
        assert (student.folder / name).read_bytes().startswith(b"%PDF")
