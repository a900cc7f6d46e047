"""The term, as the table [course] of course.toml describes it: its name, and how points add up."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person


@dataclass(frozen=True)
class Term:
    """One term of the course."""

    name: str = ""  # enters the seeds of hidden tests, so that each term has inputs of its own
    weights: Mapping[str, float] = field(default_factory=dict)  # empty: each by its own points
    drop_lowest: int = 0  # how many assignments do not count, each student's lowest ones


@dataclass(frozen=True)
class Total:
    """One student's points over the term."""

    person: Person
    status: str  # "graded", or why there is no total yet, in a few words
    points: float = 0.0
    maximum: float = 0.0
    dropped: tuple[str, ...] = ()  # assignments that do not count
    missing: tuple[str, ...] = ()  # assignments that count as zero: nothing was submitted

    @property
    def is_graded(self) -> bool:
        return self.status == "graded"


def add_up(
    weights: Mapping[str, float], shares: Mapping[str, float], drop_lowest: int
) -> tuple[float, tuple[str, ...]]:
    """The points that add up from `shares`, out of the sum of `weights`, and what was dropped.

    weights: assignment → what it is worth; those of which no share is given do not count
    shares:  assignment → share of its points, above one with extra credit

    The lowest shares are dropped, but never all; of equal ones the later assignment. What is left
    is scaled to the sum of all weights, so that totals of different students can be compared.
    """
    counted = [name for name in weights if name in shares and weights[name] > 0]
    if not counted:
        return 0.0, ()
    lowest = sorted(reversed(counted), key=lambda name: shares[name])
    dropped = lowest[: min(drop_lowest, len(counted) - 1)]
    left = [name for name in counted if name not in dropped]
    earned = sum(weights[name] * shares[name] for name in left)
    share = earned / sum(weights[name] for name in left)
    points = share * sum(weights[name] for name in counted)
    return points, tuple(name for name in counted if name in dropped)


def read_term(path: Path, settings: Mapping[str, Any], assignments: Collection[str]) -> Term:
    """The term in course.toml's `settings`; `path` is for messages.

    Raises CourseError for a setting that does not make sense.
    """
    table = settings.get("course", {})
    where = f"{path}: [course]"
    if not isinstance(table, dict):
        raise CourseError(f"{where} must be a table of settings, not {table!r}.")
    if unknown := sorted(table.keys() - {"term", "weights", "drop_lowest"}):
        raise CourseError(
            f"{where} has the unknown setting {unknown[0]!r}; there are term, weights, drop_lowest."
        )
    name, weights = table.get("term", ""), table.get("weights", {})
    drop_lowest = table.get("drop_lowest", 0)
    if not isinstance(name, str):
        raise CourseError(f"{where}: term must be text, such as '2027 spring', not {name!r}.")
    if not isinstance(weights, dict):
        raise CourseError(f"{where}: weights must be a table of numbers, not {weights!r}.")
    for assignment, weight in weights.items():
        if assignment not in assignments:
            raise CourseError(f"{where}: weights: there is no assignment {assignment!r}.")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e6:
            raise CourseError(
                f"{where}: the weight of {assignment} must be a number of at least 0, "
                f"not {weight!r}."
            )
    if weights and not sum(weights.values()):
        raise CourseError(f"{where}: one of the weights must be above 0.")
    most = len([name for name in assignments if weights.get(name, 0 if weights else 1)])
    is_count = isinstance(drop_lowest, int) and not isinstance(drop_lowest, bool)
    if not is_count or not 0 <= drop_lowest <= max(0, most - 1):
        raise CourseError(
            f"{where}: drop_lowest must be a whole number from 0 to {max(0, most - 1)}, so that an "
            f"assignment is left, not {drop_lowest!r}."
        )
    return Term(name, {name: float(weight) for name, weight in weights.items()}, drop_lowest)
