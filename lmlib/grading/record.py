"""What became of one submission: kept beside its autograded notebook as `lmlib.json`."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lmlib.grading.notebooks import write_text

FILE_NAME = "lmlib.json"


@dataclass(frozen=True)
class Verdict:
    """The judge's word on one grade cell."""

    grade_id: str
    points: float
    score: float
    matched: int  # observations that match, guards apart
    expected: int  # observations that should, guards apart
    mistake: str | None  # id of the known mistake whose evidence this is
    words: tuple[str, ...]  # sentences for the student


@dataclass(frozen=True)
class Record:
    """One submission: graded, or failed with a reason.  It is never silently a zero."""

    assignment: str
    student: str
    status: Literal["graded", "failed"]
    reason: str = ""  # why it failed, in a sentence
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()  # what the student should know of how the notebook was run
    submission: str = ""  # digest of the file that was graded
    key: str = ""  # digest of the answer key it was judged with

    @property
    def score(self) -> float:
        return sum(verdict.score for verdict in self.verdicts)

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts)


def write_record(record: Record, folder: Path) -> None:
    """Keep `record` in `folder`.  Raises CourseError where it cannot be written."""
    text = json.dumps(dataclasses.asdict(record), indent=1, ensure_ascii=False)
    write_text(folder / FILE_NAME, text + "\n")


def read_record(folder: Path) -> Record | None:
    """The record kept in `folder`; None where there is none, or one that cannot be read."""
    try:
        fields: dict[str, Any] = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        verdicts = tuple(
            Verdict(**{**verdict, "words": tuple(verdict["words"])})
            for verdict in fields.pop("verdicts")
        )
        return Record(**{**fields, "verdicts": verdicts, "notes": tuple(fields["notes"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
