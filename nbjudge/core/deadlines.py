"""Rules of course.toml on which submission counts and what lateness costs.

Times are aware datetimes throughout; every started 24 hours after the deadline are a late day.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Literal, get_args

from nbjudge.core.errors import CourseError

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


POLICY_SETTINGS = ("due", "attempts", "counts", "late_days", "late_penalty", "late_limit")
"""Settings of an [[assignment]] that are read here."""


def read_policies(path: Path, settings: dict[str, Any]) -> Policies:
    """The rules in course.toml's `settings`; `path` is for messages.

    Raises CourseError for a rule that does not make sense.
    """
    late_days = settings.get("late_days", 0)
    if not _is_count(late_days, least=0):
        raise CourseError(
            f"{path}: late_days must be a whole number of at least 0, not {late_days!r}."
        )
    entries = settings.get("assignment", [])
    policies = tuple((entry["name"], _policy(path, entry)) for entry in entries)
    tables = settings.get("exception", [])
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        raise CourseError(f"{path}: exceptions are written as [[exception]] tables.")
    made = Policies(late_days, policies)
    exceptions = tuple(_exception(path, entry, made) for entry in tables)
    for number, exception in enumerate(exceptions):
        whom = exception.student, exception.assignment
        if whom in [(one.student, one.assignment) for one in exceptions[:number]]:
            raise CourseError(
                f"{path}: there are two [[exception]] tables for {whom[0]}, {whom[1]}."
            )
    return Policies(late_days, policies, exceptions)


def _policy(path: Path, entry: dict[str, Any]) -> Policy:
    given = {name: entry[name] for name in POLICY_SETTINGS if name in entry}
    place = f"{path}: {entry['name']}:"
    if "due" in given:
        _check_time(place, "due", given["due"])
    for setting, least in (("attempts", 1), ("late_days", 0), ("late_limit", 0)):
        if setting in given and not _is_count(given[setting], least):
            raise CourseError(
                f"{place} {setting} must be a whole number of at least {least}, "
                f"not {given[setting]!r}."
            )
    if given.get("counts", "latest") not in get_args(Counts):
        raise CourseError(f"{place} counts must be 'latest' or 'first', not {given['counts']!r}.")
    share = given.get("late_penalty", 0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise CourseError(f"{place} late_penalty must be a share from 0 to 1, not {share!r}.")
    return Policy(**given)


def _exception(path: Path, entry: dict[str, Any], policies: Policies) -> PolicyException:
    place = f"{path}: an [[exception]]"
    known = {"student", "assignment", "until", "days", "attempt", "handed_in"}
    if unknown := sorted(entry.keys() - known):
        raise CourseError(f"{place} has the unknown setting {unknown[0]!r}.")
    for setting in ("student", "assignment"):
        if not isinstance(entry.get(setting), str):
            raise CourseError(f"{place} must name its {setting}.")
    place = f"{path}: the [[exception]] for {entry['student']}:"
    if entry["assignment"] not in dict(policies.policies):
        raise CourseError(f"{place} there is no assignment {entry['assignment']!r}.")
    for setting in ("until", "handed_in"):
        if setting in entry:
            _check_time(place, setting, entry[setting])
    days = entry.get("days", 0)
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 10_000:
        raise CourseError(f"{place} days must be a number of at least 0, not {days!r}.")
    if "until" in entry and "days" in entry:
        raise CourseError(f"{place} give until or days, not both.")
    if ("until" in entry or days) and policies.of(entry["assignment"]).due is None:
        raise CourseError(f"{place} {entry['assignment']} has no due date to extend.")
    if "attempt" in entry and not _is_count(entry["attempt"], least=1):
        raise CourseError(
            f"{place} attempt must be a whole number of at least 1, not {entry['attempt']!r}."
        )
    return PolicyException(**entry)


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 10_000


def _check_time(place: str, setting: str, value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise CourseError(
            f"{place} {setting} must be a date and time with its offset from UTC, "
            f"like 2026-10-15T23:59:00+02:00, not {str(value)!r}."
        )
