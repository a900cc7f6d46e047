"""A clone of the course in a temporary folder, in which the commands of the pages are run.

It holds what git knows of this working tree, also what is not committed yet. `make setup` counts
as done: its `.venv` is the running environment, by links, since no test can install everything
twice. Two things are smaller, or each test would take minutes: the course has one problem set, the
first, and of its known mistakes and alternates only those that are named here.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

NAME = "ps1_rnn_sampling"
MISTAKES = {"base_two_logarithm", "gru_base_two_logarithm"}
ALTERNATES = {"rnn_step", "get_perplex_gru"}


def clone(folder: Path) -> Path:
    """Make a clone in `folder` that is set up and smaller."""
    check_out(folder)
    make_smaller(folder)
    return folder


def check_out(folder: Path) -> None:
    """Make a clone of the whole course in `folder`, and set it up."""
    known = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(known, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("without git nobody knows what a clone would hold")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    set_up(folder)


def set_up(folder: Path) -> None:
    """What `make setup` leaves behind in a clone."""
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != "ready":
            (folder / ".venv" / entry.name).symlink_to(entry)
    (folder / ".venv" / "ready").write_text(f"{folder}\n")
    for text in (ROOT / "lmlib" / "data").glob("*.txt"):
        shutil.copy(text, folder / "lmlib" / "data")


def make_smaller(folder: Path) -> None:
    """Leave one problem set, with few mistakes and alternates."""
    for path, keep in [
        (folder / "course.toml", {NAME}),
        (folder / "mistakes" / f"{NAME}.toml", MISTAKES),
    ]:
        first, *tables = re.split(r"^(?=\[\[)", path.read_text(), flags=re.MULTILINE)
        few = [
            table
            for table in tables
            if table.startswith("[[empty]]") or any(f'"{name}"\n' in table for name in keep)
        ]
        path.write_text(first + "".join(few))
    for alternates in (folder / "tests" / "alternates" / NAME).iterdir():
        if alternates.name not in ALTERNATES:
            shutil.rmtree(alternates)


def shell(line: str, folder: Path) -> str:
    """Run a command as a person types it; what it has printed.  It must end with 0."""
    environment = {**os.environ, "COLUMNS": "200", "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout
