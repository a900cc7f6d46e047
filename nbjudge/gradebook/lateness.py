"""Lateness of a submission by course.toml and timestamp.txt, and its wording.

nbgrader keeps a due date for each assignment, and an extension and a submission time for each
submission, and asks its late-submission plugin for a penalty. These times are entered here;
the penalty is entered in `nbjudge.gradebook.penalties`.
"""

from datetime import datetime, timedelta

from nbgrader.api import Gradebook

from nbjudge.core.course import Course, assignment_of
from nbjudge.core.deadlines import Lateness
from nbjudge.core.times import in_words, naive, read_timestamp


def handed_in(course: Course, student: str, assignment: str) -> datetime | None:
    """When the counting submission of `assignment` was made; None if not known exactly."""
    exception = course.policies.exception(student, assignment)
    if exception.handed_in:
        return exception.handed_in
    zone = course.policies.zone(assignment)
    found = read_timestamp(course.submitted(student, assignment), zone)
    return found.time if found else None


def lateness(course: Course, student: str, assignment: str) -> Lateness:
    """How late `student` is with `assignment`, and what that costs after free late days."""
    times = {name: handed_in(course, student, name) for name in course.assignments}
    return course.policies.lateness(student, assignment, times)


def enter_times(course: Course, gradebook: Gradebook, assignment: str, student: str) -> None:
    """Enter due date, extension, and time of a submission in the gradebook.

    If course.toml has no due date, one entered by other means is kept; so is a time, if there is
    no timestamp.txt.
    """
    submission = gradebook.find_submission(assignment_of(assignment), student)
    time = handed_in(course, student, assignment)
    zone = course.policies.zone(assignment)
    if time is not None:
        submission.timestamp = naive(time)
    elif read_timestamp(course.submitted(student, assignment), zone):
        submission.timestamp = None  # nbgrader may have guessed one from it
    due = course.policies.of(assignment).due
    deadline = course.policies.deadline(student, assignment)
    if due is None or deadline is None:
        return
    submission.assignment.duedate = naive(due)
    more = deadline - due
    submission.extension = more if more != timedelta(0) else None


def explained(course: Course, student: str, assignment: str, taken: float) -> str:
    """A sentence for the student on their lateness and its cost; empty if there was none."""
    late = lateness(course, student, assignment)
    if not late.is_late:
        return ""
    sentence = f"Submitted {in_words(timedelta(seconds=late.seconds))} after your deadline"
    sentence += f": {_counted(late.days)}"
    if late.free:
        sentence += f", {late.free} of them free" if late.free < late.days else ", free"
    if taken:
        sentence += f". This takes {late.share:.0%} off your points, {taken:g} so far"
    return f"{sentence}."


def _counted(days: int) -> str:
    return "one late day" if days == 1 else f"{days} late days"
