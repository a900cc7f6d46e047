"""Record of one submission's grading, kept in the metadata of its autograded notebook."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nbformat import NotebookNode, from_dict

from nbjudge.core.notebooks import METADATA_KEY

CHANGED = "had been changed: your version ran first, then the original."
"""The end of the note on each given cell that a student has changed."""

TEST_STOPPED = "The hidden tests' cell"
"""How the sentence begins that says why a grade cell did not run to its end."""


@dataclass(frozen=True)
class Verdict:
    """The judge's verdict on one grade cell."""

    grade_id: str
    points: float
    score: float
    matched: int  # observations that match, without guards
    expected: int  # observations that should match, without guards
    mistake: str | None  # id of the known mistake whose evidence this is
    words: tuple[str, ...]  # sentences for the student
    is_extra: bool = False  # its points are extra credit, beyond those of the assignment
    by_asserts: bool = False  # not on evidence: asserts in the student's process decided
    waits: bool = False  # for a person, because the asserts gave no number of points


@dataclass(frozen=True)
class Record:
    """One submission: graded, or failed with a reason, but never silently a zero."""

    assignment: str
    student: str
    status: Literal["graded", "failed"]
    reason: str = ""  # why it failed, in a sentence
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()  # what the student should know about how the notebook ran
    submission: str = ""  # digest of the file that was graded
    key: str = ""  # digest of the answer key it was judged with
    engine: str = ""  # digest of the code that ran and judged it
    is_final: bool = False  # it failed because of the submission itself: a retry would fail too

    @property
    def score(self) -> float:
        """The points awarded automatically, including extra credit."""
        return sum(verdict.score for verdict in self.verdicts)

    @property
    def points(self) -> float:
        """The maximum points awarded automatically, without extra credit."""
        return sum(verdict.points for verdict in self.verdicts if not verdict.is_extra)


def attach(record: Record, notebook: NotebookNode) -> None:
    """Keep `record` in `notebook`'s metadata."""
    kept = notebook.metadata.setdefault(METADATA_KEY, {})
    kept["record"] = from_dict(dataclasses.asdict(record))


def attached(notebook: Mapping[str, Any]) -> Record | None:
    """The record kept in `notebook`; None if there is none that can be read."""
    try:
        fields = dict(notebook["metadata"][METADATA_KEY]["record"])
        verdicts = tuple(
            Verdict(**{**verdict, "words": tuple(verdict["words"])})
            for verdict in fields["verdicts"]
        )
        return Record(**{**fields, "verdicts": verdicts, "notes": tuple(fields["notes"])})
    except (KeyError, TypeError):
        return None


def read_record(path: Path) -> Record | None:
    """The record in the autograded notebook at `path`; None if there is none that can be read."""
    try:
        return attached(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def attach_seconds(seconds: float, notebook: NotebookNode) -> None:
    """Keep in `notebook`'s metadata how long it took to run and judge it.

    It is kept next to the record, because two runs of the same submission have the same record.
    """
    notebook.metadata.setdefault(METADATA_KEY, {})["seconds"] = round(seconds, 2)


def attached_seconds(notebook: NotebookNode) -> float | None:
    """How long it took to run and judge `notebook`; None if that was not recorded."""
    kept = notebook.metadata.get(METADATA_KEY, {})
    seconds = kept.get("seconds") if isinstance(kept, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None
