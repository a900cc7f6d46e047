"""The command `lmlib` in a student's environment: help and a sentence for everything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lmlib
from lmlib.__main__ import TEACHERS, main

GRADERS = (
    "rich nbgrader nbjudge nbformat nbconvert nbclient jinja2 markupsafe PIL psutil sqlalchemy"
)
EXTRA = "nh3 latex2mathml markdown_it mdit_py_plugins pygments"  # of lmlib[pdf]


def student(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command without what only graders have, without lmlib's extra, and without torch."""
    hidden = [*GRADERS.split(), *EXTRA.split(), "torch", "matplotlib", "IPython"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
        f"from lmlib.__main__ import main; raise SystemExit(main({list(words)}))"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [[], ["-h"], ["submit", "-h"], ["pdf", "-h"]])
def test_help_needs_nothing_else(words: list[str], tmp_path: Path) -> None:
    done = student(tmp_path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: lmlib") and "example:\n  lmlib " in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["submit"], 1, "lmlib submit: Which run? `lmlib submit --list` shows them."),
        (["submit", "nowhere"], 1, "lmlib submit: There is no run"),
        (["pdf", "work.ipynb"], 1, "lmlib pdf: lmlib's extra `pdf` is not installed"),
        (["pdf"], 2, "lmlib pdf: the following arguments are required: NOTEBOOK"),
        (["submitt"], 2, "lmlib: There is no command 'submitt'; did you mean 'submit'?"),
        (["pdf", "a.ipynb", "--ot", "b"], 2,
         "lmlib pdf: There is no option '--ot'; did you mean '--out'?"),
        (["grade", "ps1"], 2,
         "lmlib: 'grade' is a command of nbjudge, the program for instructors."),
    ],
)  # fmt: skip
def test_a_sentence_for_whatever_cannot_be_done(
    words: list[str], code: int, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "work.ipynb").write_text(json.dumps({"cells": []}))
    done = student(tmp_path, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(sentence) and done.stderr.count("\n") == 1


def test_runs_are_listed_without_the_graders(tmp_path: Path) -> None:
    done = student(tmp_path, "submit", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "There are no runs in experiments/ yet.\n"


@pytest.mark.parametrize("command", TEACHERS)
def test_every_command_of_those_who_teach_is_named_as_theirs(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--any", "thing"])
    assert stopped.value.code == 2
    assert "is a command of nbjudge" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"lmlib {lmlib.__version__}\n"
