"""An autograder for Gradescope: the scores of `nbjudge grade`, and a key that stays closed."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import psutil
import pytest
from small_course import COURSE, NAME, answered, code, hand_in, two_exercises, write_course
from test_extra_credit import HALF, SCALED
from test_extra_credit import RIGHT as SHIFTED

from nbjudge import cli
from nbjudge.authoring import build
from nbjudge.core import library
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import notebook_text
from nbjudge.judge import answer_key
from nbjudge.plugins.gradescope import autograder, pack
from nbjudge.sandbox import bubblewrap, engine, meter, other_user
from nbjudge.workflow import grade
from tests import environments

CONTAINER = Path(__file__).with_name("container.py")
FILE = "table.txt"
LIBRARY = "marbles"
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "marbles"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["tqdm"]

[tool.hatch.build.targets.wheel]
sources = {"" = "marbles"}
include = ["*.py"]
"""
SCORER = '''
"""A scorer that knows a number."""

import marbles


class Table:
    files = ("table.txt",)
    hands_out = ()

    def make_test_set(self):
        return b"7"

    def handed_out(self, test_set):
        return {}

    def score(self, file, submitted, test_set):
        return float(submitted[file] == test_set), "The table was read."


SCORER = Table()
'''


def can_pretend():
    """Whether this machine lets the tests make a pretend container."""
    if sys.platform != "linux" or os.getuid() != 0:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


in_a_container = pytest.mark.skipif(not can_pretend(), reason="needs root that may mount")


@pytest.fixture(scope="module")
def course(tmp_path_factory, executor):
    """The tiny course with a library, extra credit, and points for a submitted file."""
    notebook = two_exercises(extra_credit=2)
    cell = code("file_test", f"# points for {FILE}", grade=True, points=8)
    cell.metadata["nbjudge"] = {"scored_file": FILE}
    notebook.cells.append(cell)
    made = write_course(tmp_path_factory.mktemp("gradescope") / "course", notebook)
    (made.root / "course.toml").write_text(
        f'{COURSE.replace("lmlib", LIBRARY)}files = ["{FILE}"]\nscorer = "tables_scored:SCORER"\n'
    )
    (made.root / "tables_scored").mkdir()
    (made.root / "tables_scored" / "__init__.py").write_text(SCORER)
    package = tmp_path_factory.mktemp("checkout") / LIBRARY
    package.mkdir()
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text('"""The library of the tiny course."""\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(package.parent)
        course = find_course(made.root)
        build.build(course, NAME, executor, lambda what, done, total: None)
        yield course


@pytest.fixture(scope="module")
def packed(course):
    assert cli.main(["--course", str(course.root), "gradescope", NAME, "--show", "visible"]) == 0
    return course.root / "gradescope" / f"{NAME}.zip"


@pytest.fixture
def root(packed):
    """Gradescope's folder, as setup.sh leaves it, where any user may pass."""
    root = Path(tempfile.mkdtemp(prefix="autograder-"))
    root.chmod(0o755)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(root / "source")
    for name in ("submission", "results", "venv/bin"):
        (root / name).mkdir(parents=True)
    (root / "venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (root / "venv" / "bin" / "python").chmod(0o755)
    yield root
    shutil.rmtree(root)


def set_up(root):
    """What setup.sh does, but for fetching: the packed wheels on top of the tests' packages."""
    shutil.rmtree(root / "venv")
    python = environments.on_top_of(Path(sys.executable), root / "venv")
    wheels = sorted((root / "source" / "wheels").iterdir())
    environments.uv("pip", "install", "--python", python, "--no-deps", *wheels)
    subprocess.run(["chmod", "-R", "a+rX", str(root / "venv")], check=True)


def put(root, text, **files):
    for name, content in {f"{NAME}.ipynb": text, **files}.items():
        data = content.encode() if isinstance(content, str) else content
        (root / "submission" / name.replace("__", ".")).write_bytes(data)


def results_of(root):
    return json.loads((root / "results" / "results.json").read_text())


def in_container(root, *command):
    program = [sys.executable, str(CONTAINER), *command]
    environment = {**os.environ, "AUTOGRADER": str(root)}
    return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)


def run_autograder(root):
    done = in_container(root, "/bin/bash", str(root / "source" / "run_autograder"))
    return done.returncode, results_of(root)


# ---- the same scores


def hand_ins(course):
    """Notebooks and files, by who hands them in."""
    right = answered(course, scaled=SCALED, shifted=SHIFTED, answer_task="Because.")
    good = {FILE: b"7"}
    patched = answered(course, scaled="np.allclose = lambda *a, **k: True\nraise SystemExit")
    killer = answered(course, scaled=f"{SCALED}\nimport os; os._exit(1)", shifted=HALF)
    wrong = "def scaled(values, factor):\n    return values + factor"
    return {
        "right": (notebook_text(right), good),
        "half": (notebook_text(answered(course, scaled=wrong, shifted=HALF)), {FILE: b"x"}),
        "blank": (notebook_text(answered(course)), {}),
        "patched": (notebook_text(patched), {}),
        "killer": (notebook_text(killer), {}),
        "broken": (notebook_text(right)[:300], {}),
    }


def test_scores_and_words_are_those_of_the_command(course, root, executor):
    expected = {"right": 14, "half": 1, "blank": 0, "patched": 0, "killer": 1, "broken": None}
    handed_in = hand_ins(course)
    for who, (text, files) in handed_in.items():
        folder = hand_in(course, who, text).parent
        for name, content in files.items():
            (folder / name).write_bytes(content)
    for record in grade.grade(course, NAME, executor):
        text, files = handed_in[record.student]
        shutil.rmtree(root / "submission")
        (root / "submission").mkdir()
        put(root, text, **files)
        assert autograder.main(root) == 0
        results = results_of(root)
        told = [test["output"] for test in results["tests"] if "max_score" in test]
        assert told == ["\n".join(verdict.words) for verdict in record.verdicts]
        scores = [test["score"] for test in results["tests"] if "max_score" in test]
        assert scores == [verdict.score for verdict in record.verdicts]
        score = results["score"] if record.status == "graded" else None
        assert (score, sum(scores)) == (expected[record.student], score or 0)


def test_results_in_gradescopes_form(course, root):
    text, files = hand_ins(course)["half"]
    put(root, text, **files)
    (root / "results").chmod(0o755)
    assert autograder.main(root) == 0
    results = results_of(root)
    assert results["visibility"] == "visible" and results["stdout_visibility"] == "hidden"
    assert results["output"] == (
        "The machine can give 12 points here. "
        "Written answers are graded by people and not included."
    )
    shown = [
        (test["name"], test.get("score"), test.get("max_score"), test.get("status"))
        for test in results["tests"]
    ]
    assert shown == [
        ("Your file", None, None, "passed"),
        ("scaled", 0, 4, "failed"),
        ("shifted (extra credit)", 1, 0, "failed"),
        ("task", None, None, None),
        ("file", 0, 8, "failed"),
    ]
    assert results["tests"][1]["output"] == (
        "The factor was added to the values, not multiplied with them."
    )
    assert "people give" in results["tests"][3]["output"]
    everything = json.dumps(results)
    assert "default_rng" not in everything and "0.5)" not in everything  # the hidden inputs


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (f"{NAME}.ipynb", '{"cells": [', "the notebook is not valid JSON; it may be cut off"),
        ("essay.txt", "words", "there is no notebook in the submission, but essay.txt: submit the "
                               "notebook itself, tiny.ipynb"),
        (f"{NAME}.ipynb", '{"cells": [], "metadata": {"nbjudge": {"assignment": "x"}}}',
         "the notebook is of the assignment x, not of tiny"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_no_silent_zero(root, name, text, reason):
    (root / "submission" / name).write_text(text)
    assert autograder.main(root) == 0
    results = results_of(root)
    assert results["output"].startswith(f"This submission could not be graded: {reason}.")
    assert "are no grade" in results["output"]
    (shown,) = results["tests"]
    assert shown["visibility"] == "visible" and reason in shown["output"]


def test_a_notebook_in_a_folder_is_found(tmp_path):
    for name in ("__MACOSX/ps", ".hidden", "ps"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "tiny.ipynb").write_text("{}")
    assert autograder.find_submission(tmp_path) == tmp_path / "ps"
    (tmp_path / "tiny.ipynb").write_text("{}")
    assert autograder.find_submission(tmp_path) == tmp_path


# ---- the key on the student's machine


THIEF = (
    """
import glob, os, socket, subprocess, sys
def attempt(what, function):
    try:
        function()
    except Exception as error:
        print(what, repr(error))
    else:
        open("/tmp/MARK-" + what, "w").close()
root = {root!r}
attempt("control", lambda: None)
attempt("key", lambda: open(root + "/source/course/key/tiny/key.json").read())
attempt("list", lambda: os.listdir(root + "/source"))
attempt("results", lambda: open(root + "/results/results.json", "w"))
attempt("listing", lambda: os.listdir(root + "/results"))
attempt("earlier", lambda: open(root + "/submission_metadata.json").read())
attempt("venv", lambda: open(root + "/venv/bin/python", "a"))
attempt("network", lambda: socket.create_connection(("127.0.0.1", {port}), 2))
attempt("datagram", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
attempt("parent", lambda: os.kill(os.getppid(), 9))
attempt("root", lambda: os.setuid(0))
attempt("memory", lambda: open("/proc/%d/mem" % os.getppid(), "rb"))
attempt("namespace", lambda: subprocess.run(["unshare", "-U", "true"], check=True))
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "MARK"],
                 start_new_session=True)
"""
    + SCALED
)


@in_a_container
def test_where_namespaces_are_forbidden_code_runs_as_another_user(course, root):
    (root / "submission_metadata.json").write_text("{}")
    (root / "submission_metadata.json").chmod(0o644)
    set_up(root)
    mark = f"thief-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        source = THIEF.format(root=str(root), port=port).replace("MARK", mark)
        put(root, notebook_text(answered(course, scaled=source, shifted=HALF)))
        code, results = run_autograder(root)
    marks = {path.name.removeprefix(f"{mark}-") for path in Path("/tmp").glob(f"{mark}-*")}
    for path in Path("/tmp").glob(f"{mark}-*"):
        path.unlink()
    assert (code, marks) == (0, {"control"})
    assert [test.get("score") for test in results["tests"]] == [None, 4, 1, None, 0]
    left = [one for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or [])]
    assert left == []


WHY_NOT = """
import sys
from pathlib import Path
from nbjudge.sandbox import bubblewrap, other_user
place = Path(sys.argv[1])
print(bool(bubblewrap.why_not()))
for closed, kept in (([Path("/etc/shadow")], [place]), ([place], []), ([], [place / "open"])):
    print(other_user.why_not(closed, kept))
"""


@in_a_container
def test_nothing_is_graded_where_another_user_could_read_the_key(root):
    (root / "open").write_text("a key")
    (root / "open").chmod(0o606)
    done = in_container(root, sys.executable, "-c", WHY_NOT, str(root))
    assert done.stdout.splitlines() == [
        "True",
        "None",
        f"another user could use {root}",
        f"another user could change {root / 'open'}",
    ]


def test_a_refusal_has_a_sentence_and_no_score(course, root, monkeypatch, capsys):
    monkeypatch.setattr(bubblewrap, "why_not", lambda: "there are no namespaces")
    monkeypatch.setattr(other_user, "why_not", lambda closed, kept: "only root can")
    monkeypatch.setattr(engine, "run", lambda *_: pytest.fail("was run"))
    put(root, notebook_text(answered(course, scaled=SCALED)))
    assert autograder.main(root) == 1
    results = results_of(root)
    assert "score" not in results and "tests" not in results
    assert (
        "could not be kept from it: there are no namespaces, and only root can."
        in (results["output"])
    )
    assert "no namespaces" in capsys.readouterr().out  # what instructors see of a run


def test_a_failure_of_the_graders_own_is_no_score(course, root, monkeypatch):
    def breaks(*_):
        raise MemoryError("hidden words")

    monkeypatch.setattr(engine, "run", breaks)
    put(root, notebook_text(answered(course, scaled=SCALED)))
    assert autograder.main(root) == 1
    results = results_of(root)
    assert "score" not in results and "hidden words" not in json.dumps(results)
    assert "grading it failed (MemoryError)" in results["output"]


def test_memory_counts_where_only_its_sum_may_be_known():
    class Another:
        pid = os.getpid()

        def memory_full_info(self):
            raise psutil.AccessDenied(1)

        def memory_info(self):
            return psutil.Process().memory_info()

    assert meter._held([Another()]) > 1_000_000


# ---- what is packed


def test_the_zip_holds_the_key_and_nothing_of_other_students_or_sets(course, packed):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in names}
        toml = archive.read("course/course.toml").decode()
    assert names[0:2] == ["setup.sh", "run_autograder"]
    assert [name for name in names if modes[name] & 0o111] == ["setup.sh", "run_autograder"]
    assert {name for name in names if name.startswith("course/")} == {
        "course/course.toml", f"course/release/{NAME}/{NAME}.ipynb",
        f"course/key/{NAME}/key.json", f"course/key/{NAME}/template.ipynb",
        f"course/key/{NAME}/test_set", "course/tables_scored/__init__.py",
    }  # fmt: skip
    wheels = [library.make_wheel(name)[0] for name in ("nbjudge", LIBRARY)]
    assert [name for name in names if name.startswith("wheels/")] == [f"wheels/{n}" for n in wheels]
    assert not [name for name in names if "source" in name or "mistakes" in name]
    assert not [name for name in names if modes[name] & 0o077 and not modes[name] & 0o111]
    assert f'files = ["{FILE}"]' in toml


def test_the_settings_survive_any_title(course, tmp_path):
    odd = dataclasses.replace(
        course.assignment(NAME),
        title='Ünïcode "quoted" \\ \x7f',
        environment={"A_PROFILE": "smoke", "of.odd name": "x"},
    )
    (tmp_path / "course.toml").write_text(pack.course_toml(course, odd))
    assert find_course(tmp_path).assignment(NAME) == odd


ONLY = """
import importlib.abc, importlib.metadata, sys
from nbjudge.core.library import normal_name
pinned = set(sys.argv[1:])
known = importlib.metadata.packages_distributions()
class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        makers = known.get(name, ["nbjudge"])
        if not pinned & {normal_name(maker) for maker in makers}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
import nbjudge.plugins.gradescope.autograder
import nbjudge.kernel.process.guard, nbjudge.kernel.process.kernel
import nbjudge.sandbox.other_user, nbjudge.sandbox.unsandboxed, nbjudge.sandbox.sandboxed
"""


def test_with_no_more_than_the_requirements_the_grader_starts(course):
    text = pack.requirements(course.assignment(NAME))
    pinned = [line.partition("==")[0] for line in text.splitlines()]
    assert {"numpy", "tqdm"} <= set(pinned)
    assert not {"torch", "nbgrader", "jupyterlab", "nbjudge", LIBRARY} & set(pinned)
    subprocess.run([sys.executable, "-c", ONLY, "nbjudge", *pinned], check=True)


def test_what_a_scorer_imports_is_required_too(course, monkeypatch):
    monkeypatch.setattr(pack, "scorer_files", lambda assignment: {"one.py": b"import rapidfuzz"})
    assert "rapidfuzz==" in pack.requirements(course.assignment(NAME))


def test_all_that_is_needed_is_required_by_the_graders_wheel():
    required = set(map(library.normal_name, bubblewrap.required(library.requirements("nbjudge"))))
    assert set(pack.NEEDED) <= required


def test_pytorch_is_the_one_without_a_gpu(course):
    torch = dataclasses.replace(course.assignment(NAME), packages=("numpy", "torch"))
    first, *rest = pack.requirements(torch).splitlines()
    assert first.startswith("--extra-index-url") and first.endswith("/whl/cpu")
    (line,) = [line for line in rest if line.startswith("torch==")]
    assert "+" not in line


def test_the_command_says_what_to_set_in_gradescope(course, packed, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    assert cli.main(["gradescope", NAME, "--out", "a.zip"]) == 0
    said = capsys.readouterr().out
    assert "set the autograder's points to 12" in said and "│ task     │ 1 " in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda key: dataclasses.replace(key, cells=()), "there is nothing to automate"),
        (None, "There is no answer key"),
    ],
)
def test_no_autograder_without_something_to_grade(course, tmp_path, monkeypatch, change, reason):
    copied = find_course(shutil.copytree(course.root, tmp_path / "copy"))
    if change is None:
        shutil.rmtree(copied.key(NAME))
    else:
        key = change(answer_key.load_key(copied.key(NAME), NAME))
        monkeypatch.setattr(pack, "key_for_grading", lambda course, name: key)
    with pytest.raises(CourseError, match=reason):
        pack.write_autograder(copied, NAME, tmp_path / "a.zip", "visible")
    assert not (tmp_path / "a.zip").exists()
