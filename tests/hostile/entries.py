"""An entry of the bank: a submission, what it tries, and the points that it deserves.

    attack(
        "kernel-testing-patched",
        "Makes every comparison of NumPy's come out equal.",
        first="np.allclose = lambda *a, **k: True",
    )

hands in the released notebook with a right running mean, nothing for `scaled`, and that line in a
cell of its own.  `entry` is for submissions that are put together in another way.

Words in capitals stand for what is known only once the course is there: COURSE for its folder, as
WORDS tells.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from course import FULL, MARKER, PLACES, SYSV_KEY, TOUCHED
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from small_course import NAME, answered, cell_named, hand_in

import lmlib
import nbjudge
from nbjudge.core.course import Course

RIGHT_SCALED = "def scaled(values, factor):\n    return factor * values"
RIGHT_MEAN = (
    "def running_mean(values):\n    return np.cumsum(values) / np.arange(1, len(values) + 1)"
)

Points = dict[str, float]

BOTH: Points = FULL
ONLY_MEAN: Points = {**FULL, "scaled_test": 0.0}
ONLY_SCALED: Points = {**FULL, "running_mean_test": 0.0}
NOTHING: Points = dict.fromkeys(FULL, 0.0)
FAILED = None

WORDS = {
    "MARKER": MARKER,  # in the name of everything that is left behind
    "SYSV_KEY": str(SYSV_KEY),
    "PLACES": repr(PLACES),
    "TOUCHED": repr(TOUCHED),
    "LMLIB": str(Path(lmlib.__file__).parent),
    "NBJUDGE": str(Path(nbjudge.__file__).parent),
    # and what is known later: the folders COURSE, GRADERHOME and TEMPORARY of the grader; PORT,
    # where a listener of this machine waits, SOCKET, its file, and ABSTRACT, its name without one
}

WON = """
def won(what):
    print("won" + ":", what)
"""
"""For code that finds a door open which should be closed; no output may hold what this prints."""


@dataclass(frozen=True)
class Desk:
    """Where one entry is handed in."""

    course: Course
    student: str
    words: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The submission's folder; it is not there yet."""
        return self.course.submitted(self.student, NAME)

    def fill(self, source: str) -> str:
        """`source` without its indentation, words in capitals replaced."""
        pattern = rf"\b({'|'.join(self.words)})\b"
        return re.sub(pattern, lambda word: self.words[word[1]], dedent(source).strip("\n"))

    def notebook(self, scaled: str = RIGHT_SCALED, mean: str = RIGHT_MEAN) -> NotebookNode:
        """The released notebook with these answers; "" leaves a cell as it was handed out."""
        written = {"scaled": scaled, "running_mean": mean}
        return answered(self.course, **{k: self.fill(v) for k, v in written.items() if v})

    def text(self) -> str:
        """A notebook that deserves all points, as JSON."""
        return json.dumps(self.notebook())

    def hand_in(self, notebook: NotebookNode | str | bytes) -> None:
        """Put the notebook where submissions are collected."""
        hand_in(self.course, self.student, notebook)

    def write(self, name: str, content: str | bytes) -> None:
        """Put another file into the submission's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = self.fill(content).encode() if isinstance(content, str) else content
        path.write_bytes(data)


Make = Callable[[Desk], None]


@dataclass(frozen=True)
class Entry:
    """One submission of the bank."""

    name: str
    tries: str  # in a sentence
    deserves: Points | None  # of each grade cell; None: it must fail, with a reason
    make: Make
    student: str  # whose folder it is


ENTRIES: list[Entry] = []


def entry(
    name: str, tries: str, deserves: Points | None, student: str = ""
) -> Callable[[Make], Make]:
    """Add to the bank a submission that the decorated function hands in."""

    def add(make: Make) -> Make:
        assert name not in {known.name for known in ENTRIES}, f"two entries are called {name}"
        ENTRIES.append(Entry(name, tries, deserves, make, student or name))
        return make

    return add


def attack(
    name: str,
    tries: str,
    first: str = "",
    scaled: str = "",
    mean: str = RIGHT_MEAN,
    last: str = "",
    deserves: Points = ONLY_MEAN,
) -> None:
    """Add a notebook with `first` in a cell before the exercises and `last` in one after them.

    A `first` or `last` of several cells has lines of `# ---` between them.
    """

    @entry(name, tries, deserves)
    def make(desk: Desk) -> None:
        notebook = desk.notebook(scaled, mean)
        position = notebook.cells.index(cell_named(notebook, "scaled"))
        notebook.cells[position:position] = _cells(desk, first)
        notebook.cells += _cells(desk, last)
        desk.hand_in(json.dumps(notebook))


def honest(name: str, tries: str, first: str = "", scaled: str = RIGHT_SCALED, **rest: str) -> None:
    """Add a notebook of somebody who means no harm: both exercises are right."""
    attack(name, tries, first, scaled, deserves=BOTH, **rest)


def _cells(desk: Desk, source: str) -> list[NotebookNode]:
    parts = [desk.fill(part) for part in source.split("# ---\n")]
    return [new_code_cell(part) for part in parts if part.strip()]
