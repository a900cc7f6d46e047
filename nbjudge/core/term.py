"""The term, as the table [course] of course.toml describes it: its name, and how points add up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbjudge.core.people import Person
from nbjudge.core.settings import CourseSettings


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


def term_of(settings: CourseSettings) -> Term:
    """The term in course.toml's `settings`."""
    found = settings.course
    return Term(found.term, found.weights, found.drop_lowest)
