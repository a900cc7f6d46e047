"""Rules of course.toml on which submission counts and what lateness costs.

Times are aware datetimes throughout; every started 24 hours after the deadline are a late day.
"""

import math
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from nbjudge.core.settings import CourseSettings

DAY = timedelta(days=1)

Counts = Literal["latest", "first"]


@dataclass(frozen=True)
class Policy:
    """The rules of one assignment."""

    due: datetime | None = None
    attempts: int | None = None  # how many submissions are considered; None: all
    counts: Counts = "latest"  # of those
    late_days: int | None = None  # the most free late days to use on it; None: all that are left
    late_penalty: float = 0.0  # share of the points lost for each late day beyond these
    late_limit: int | None = None  # days after the deadline when submissions are no longer accepted

    @property
    def asks_for_times(self) -> bool:
        """Whether it matters how late a submission is."""
        return self.due is not None and (self.late_penalty > 0 or self.late_limit is not None)


@dataclass(frozen=True)
class PolicyException:
    """An exception for one student and one assignment."""

    student: str
    assignment: str
    until: datetime | None = None  # their own deadline
    days: float = 0.0  # or this many extra days
    attempt: int | None = None  # the submission that counts, whatever the policy says
    handed_in: datetime | None = None  # when, if the LMS's download does not say


@dataclass(frozen=True)
class Lateness:
    """How late one submission is, and what that costs."""

    seconds: float  # after the student's own deadline
    days: int  # late days; the last may have only started
    free: int  # how many of these the student's free late days cover
    share: float  # share of the points deducted

    @property
    def is_late(self) -> bool:
        return self.seconds > 0


@dataclass(frozen=True)
class Policies:
    """All rules of a course."""

    late_days: int = 0  # free late days a student has for the whole course
    policies: tuple[tuple[str, Policy], ...] = ()  # assignment and its rules, in teaching order
    exceptions: tuple[PolicyException, ...] = ()

    def of(self, assignment: str) -> Policy:
        """The rules of `assignment`."""
        return dict(self.policies)[assignment]

    def zone(self, assignment: str) -> tzinfo:
        """The zone of times without an offset: that of the due date, or UTC without one."""
        due = self.of(assignment).due
        return due.tzinfo if due is not None and due.tzinfo is not None else UTC

    def exception(self, student: str, assignment: str) -> PolicyException:
        """The exception for `student`; one without effect if there is none."""
        for found in self.exceptions:
            if (found.student, found.assignment) == (student, assignment):
                return found
        return PolicyException(student, assignment)

    def deadline(self, student: str, assignment: str) -> datetime | None:
        """The deadline of `student` for `assignment`; None if it has no due date."""
        due = self.of(assignment).due
        if due is None:
            return None
        exception = self.exception(student, assignment)
        return exception.until or due + timedelta(days=exception.days)

    def closes(self, assignment: str) -> datetime | None:
        """When the last student has no more time for `assignment`; None if it has no due date.

        It is the latest deadline of all, and the days on which late submissions are accepted, or
        free late days can be used.
        """
        rule = self.of(assignment)
        if rule.due is None:
            return None
        students = [one.student for one in self.exceptions if one.assignment == assignment]
        own = [self.deadline(student, assignment) for student in students]
        free = self.late_days if rule.late_days is None else rule.late_days
        days = free if rule.late_limit is None else rule.late_limit
        return max([rule.due, *filter(None, own)]) + days * DAY

    def is_accepted(self, student: str, assignment: str, handed_in: datetime | None) -> bool:
        """Whether a submission made at that time is accepted at all."""
        deadline, limit = self.deadline(student, assignment), self.of(assignment).late_limit
        if deadline is None or limit is None or handed_in is None:
            return True
        return handed_in <= deadline + limit * DAY

    def lateness(
        self, student: str, assignment: str, handed_in: dict[str, datetime | None]
    ) -> Lateness:
        """How late `student` is with `assignment`.

        `handed_in` has the time of each submission of the student's by assignment: free late days
        are used on the assignment that is due first.
        """
        left = self.late_days
        due = [(policy.due, name) for name, policy in self.policies if policy.due is not None]
        for _, name in sorted(due, key=lambda pair: pair[0]):
            seconds = self._seconds(student, name, handed_in.get(name))
            days = late_days(seconds)
            limit = self.of(name).late_days
            free = min(days, left, days if limit is None else limit)
            if name == assignment:
                return Lateness(seconds, days, free, self.share(assignment, days - free))
            left -= free
        return Lateness(0.0, 0, 0, 0.0)

    def share(self, assignment: str, days: int) -> float:
        """The share of the points lost for this many late days, not counting free ones."""
        return min(1.0, days * self.of(assignment).late_penalty)

    def _seconds(self, student: str, assignment: str, handed_in: datetime | None) -> float:
        deadline = self.deadline(student, assignment)
        if deadline is None or handed_in is None:
            return 0.0
        return max(0.0, (handed_in - deadline).total_seconds())


def late_days(seconds: float) -> int:
    """Late days in this many seconds; a started day counts."""
    return math.ceil(seconds / DAY.total_seconds())


def policies_of(settings: CourseSettings) -> Policies:
    """The rules in the `settings` of a course."""
    names = [one.name for one in fields(Policy)]
    rules = tuple(
        (entry.name, Policy(**{name: getattr(entry, name) for name in names}))
        for entry in settings.assignment
    )
    exceptions = tuple(PolicyException(**dict(entry)) for entry in settings.exception)
    return Policies(settings.late_days or 0, rules, exceptions)
