"""Classical item analysis: the difficulty and the discrimination of each question.

Scores are arrays of points (students, questions), float64, with nan for points that a person has
still to give. The statistics are those of classical test theory; see, for instance, Crocker and
Algina, Introduction to Classical and Modern Test Theory, chapter 14.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

FEWEST_TO_CORRELATE = 3
FEWEST_FOR_USUAL = 2  # other problem sets that define a student's usual level
FEWEST_TO_STANDARDISE = 5  # students
FAR_BELOW = 1.5  # standard deviations of the class


@dataclass(frozen=True)
class Item:
    """The statistics of one question; None if there is too little data for one."""

    graded: int  # students whose points for it are known
    mean: float | None  # points
    difficulty: float | None  # mean share of its points: 1 is easy, 0 is hard
    discrimination: float | None  # corrected item-total correlation, from -1 to 1
    full: int  # students with all its points
    part: int
    none: int


def analyse(scores: Scores, points: Sequence[float], extra: Sequence[bool]) -> list[Item]:
    """The statistics of every question.

    scores: (students, questions), points; nan if they are not known yet
    points: (questions,), the maximum of each
    extra:  (questions,), whether it is extra credit, which belongs to no total

    Discrimination is Pearson's correlation of a question with the total of the *other* questions,
    extra credit apart, that are graded for everybody.
    """
    counts = ~np.isnan(scores).any(axis=0) & ~np.asarray(extra, dtype=bool)  # (questions,)
    items = []
    for place, worth in enumerate(points):
        others = counts.copy()
        others[place] = False
        own = scores[:, place]  # (students,)
        known = ~np.isnan(own)
        rest = scores[:, others].sum(axis=1)  # (students,)
        items.append(_item(own[known], rest[known] if others.any() else None, worth))
    return items


def _item(own: Scores, rest: Scores | None, worth: float) -> Item:
    graded = len(own)
    full = int((own >= worth).sum())
    none = int((own <= 0).sum()) if worth > 0 else 0
    mean = float(own.mean()) if graded else None
    return Item(
        graded=graded,
        mean=mean,
        difficulty=mean / worth if mean is not None and worth > 0 else None,
        discrimination=None if rest is None else correlation(own, rest),
        full=full,
        part=graded - full - none,
        none=none,
    )


def correlation(first: Scores, second: Scores) -> float | None:
    """Pearson's correlation of two arrays (n,); None if one of them does not vary."""
    if len(first) < FEWEST_TO_CORRELATE:
        return None
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    if size <= 1e-12 * max(1.0, float(len(first))):
        return None
    return float(np.clip(first @ second / size, -1.0, 1.0))


def standardised(totals: Mapping[str, float]) -> dict[str, float]:
    """Each student's total as standard deviations above the class's mean.

    Empty for a class that is too small, or in which all totals are equal.
    """
    values = np.array(list(totals.values()), dtype=np.float64)
    if len(values) < FEWEST_TO_STANDARDISE or np.ptp(values) < 1e-9:
        return {}
    spread = values.std(ddof=1)
    return {student: float((total - values.mean()) / spread) for student, total in totals.items()}


@dataclass(frozen=True)
class Drop:
    """A student who is far below their own usual level in one problem set."""

    student: str
    here: float  # standard deviations above the class's mean, in this problem set
    usual: float  # the mean of that in the others

    @property
    def below(self) -> float:
        return self.usual - self.here


def far_below_usual(totals: Mapping[str, Mapping[str, float]], assignment: str) -> list[Drop]:
    """Students who are at least 1.5 standard deviations lower in `assignment` than elsewhere.

    totals: assignment → student → points. Only students with at least two other problem sets
    have a usual level. The largest drop comes first.
    """
    ranks = {name: standardised(students) for name, students in totals.items()}
    drops = []
    for student, here in ranks.get(assignment, {}).items():
        others = [
            students[student]
            for name, students in ranks.items()
            if name != assignment and student in students
        ]
        if len(others) >= FEWEST_FOR_USUAL:
            drop = Drop(student, here, float(np.mean(others)))
            drops += [drop] if drop.below >= FAR_BELOW else []
    return sorted(drops, key=lambda drop: (-drop.below, drop.student))
