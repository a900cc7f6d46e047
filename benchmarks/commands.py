"""CPU of a command that has little to do: `nbjudge` next to an earlier commit, in turn.

    .venv/bin/python benchmarks/commands.py                # ten minutes on two cores
    .venv/bin/python benchmarks/commands.py --rounds 21 --old bf859f5
    .venv/bin/python benchmarks/commands.py --old-course OLD/demo --new-course demo

prints a table in Markdown of two commands:

| | does |
|---|---|
| help | prints the list of commands |
| nothing to do | `grade` in a course whose submissions are all graded |

**Sides.**  The earlier commit is taken from git into a temporary folder, and both sides run in this
Python environment, from source. Each side grades a demo's class of its own, made by its own `demo`
or copied from a folder that an earlier `demo` has left. Files that are no notebooks are taken out
first: the earlier commit tries them again each time. The submissions are graded once before
anything is measured.

**Noise.**  Each round runs either side once, and the next one in the opposite order. What is
measured is CPU seconds, user and system, of the command and of all processes that it starts
(`processor_time.py`); a busy machine changes them less than it changes the wall clock. The ratio is
the median of the rounds' ratios; next to it are the smallest and the largest.
"""

import argparse
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import processor_time

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "ps1_rnn_sampling"
EARLIER = "bf859f5"  # the last commit before the grader was a package of its own
GENERATED = Path("lmlib") / "data" / "shakespeare.txt"  # a build makes it; git does not hold it


@dataclass(frozen=True)
class Side:
    """One of the two sides: where its code is, how Python runs it, and its graded course."""

    source: Path
    module: str
    course: Path

    def run(self, *words: str) -> float:
        """Run the command; its CPU seconds.  Ends the program if the command fails."""
        environment = {**os.environ, "PYTHONPATH": str(self.source), "OMP_NUM_THREADS": "1"}
        command = (sys.executable, "-m", self.module, *words)
        count = processor_time.counter()
        with processor_time.started(
            command, count, cwd=self.course, env=environment, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            _, said = process.communicate()
            seconds = count.seconds()
        if process.returncode:
            raise SystemExit(f"{self.module} {' '.join(words)} failed:\n{said}")
        return seconds


def main() -> int:
    """Measure both sides in turn and print the table."""
    parser = argparse.ArgumentParser(description="CPU of `nbjudge` next to an earlier commit.")
    parser.add_argument("--old", default=EARLIER, metavar="COMMIT", help=f"default: {EARLIER}")
    parser.add_argument("--old-course", type=Path, metavar="FOLDER", help="a demo of that commit")
    parser.add_argument("--new-course", type=Path, metavar="FOLDER", help="a demo of this tree")
    parser.add_argument("--rounds", type=int, default=11, metavar="N", help="default: 11")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        check_out(options.old, folder / "source")
        old = prepare(folder / "source", "lmlib", folder / "old", options.old_course)
        new = prepare(ROOT, "nbjudge.cli", folder / "new", options.new_course)
        students = len(list((new.course / "submitted").iterdir()))
        print(f"{platform.platform()}, Python {platform.python_version()}, {students} submissions")
        print(f"\n| command | {options.old}, CPU s | now, CPU s | ratio | smallest to largest |")
        print("|---|---|---|---|---|")
        for what, words in {"help": ["--help"], "nothing to do": ["grade", ASSIGNMENT]}.items():
            print(row(what, *in_turn(old, new, words, options.rounds)), flush=True)
    return 0


def check_out(commit: str, folder: Path) -> None:
    """Put the tree of `commit` into `folder`, and what a build would have added."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    shutil.copy(ROOT / GENERATED, folder / GENERATED)
    describe(folder)


def describe(folder: Path) -> None:
    """Write what an installer would have written: which packages it needs, what it provides."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    written = folder / f"{project['name']}-0.dist-info"
    written.mkdir()
    needs = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n"
    (written / "METADATA").write_text(head + needs, encoding="utf-8")
    provided = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in project.get("entry-points", {}).items()
    ]
    (written / "entry_points.txt").write_text("\n".join(provided), encoding="utf-8")


def prepare(source: Path, module: str, folder: Path, made: Path | None) -> Side:
    """A side with a graded class in `folder`, without files that are no notebooks."""
    side = Side(source, module, folder)
    if made is not None:
        shutil.copytree(made, folder)
    else:
        maker = Side(source, module, source)
        maker.run("demo", ASSIGNMENT, "--folder", str(folder))
    for path in (folder / "submitted").glob(f"*/{ASSIGNMENT}/*.ipynb"):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            shutil.rmtree(path.parents[1])
    side.run("grade", ASSIGNMENT)
    return side


def in_turn(old: Side, new: Side, words: list[str], rounds: int) -> tuple[list[float], list[float]]:
    """CPU seconds of `words` on either side, round by round, after one that does not count."""
    seconds: dict[Side, list[float]] = {old: [], new: []}
    for number in range(rounds + 1):
        for side in (old, new) if number % 2 else (new, old):
            taken = side.run(*words)
            if number:
                seconds[side].append(taken)
    return seconds[old], seconds[new]


def row(what: str, old: list[float], new: list[float]) -> str:
    """A line of the table."""
    ratios = [after / before for before, after in zip(old, new, strict=True)]
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    return f"| {what} | {median(old):.2f} | {median(new):.2f} | {median(ratios):.3f} | {spread} |"


if __name__ == "__main__":
    raise SystemExit(main())
