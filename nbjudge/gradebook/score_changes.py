"""What the history of scores records, in either database, and who signs it."""

import getpass
import sys
from dataclasses import dataclass
from pathlib import Path

TABLE = "nbjudge_score_change"
UNNAMED = "another program"

SCORES = {"auto_score": "machine", "manual_score": "person", "extra_credit": "extra credit"}
"""Columns of nbgrader's table of grades, and what the history calls them."""

PENALTY = "late penalty"


@dataclass(frozen=True)
class Change:
    """One score that changed; None where there was none, or is none."""

    time: str  # in UTC
    who: str  # the login name of the person who ran the program
    program: str
    student: str
    assignment: str
    cell: str  # "" for the penalty, which is one of the whole submission
    score: str  # a value of `SCORES`, or `PENALTY`
    before: float | None
    after: float | None


def triggers() -> set[str]:
    """The names of the triggers that write the history, the same in either database."""
    ends = [*SCORES, *(f"{column}_gone" for column in SCORES), "penalty"]
    return {f"{TABLE}_{end}" for end in ends}


def who() -> str:
    """The login name of whoever runs this program; empty for a user without one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # as in some containers
        return ""


def program() -> str:
    """The name of this program."""
    return Path(sys.argv[0]).name
