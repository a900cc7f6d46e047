"""How late a submission is by course.toml and timestamp.txt, and what is told of it.

nbgrader keeps a due date for each assignment, an extension and a time of handing in for each
submission, and asks its late-submission plugin for a penalty. Here these times are entered;
the penalty is entered in `nbjudge.gradebook.penalties`.
"""

from datetime import datetime, timedelta

from nbgrader.api import Gradebook

from nbjudge.core.course import Course
from nbjudge.core.deadlines import Lateness
from nbjudge.core.times import in_words, naive, read_timestamp


def handed_in(course: Course, student: str, assignment: str) -> datetime | None:
    """When what counts of `assignment` was handed in; None if nobody knows exactly."""
    exception = course.policies.exception(student, assignment)
    if exception.handed_in:
        return exception.handed_in
    zone = course.policies.zone(assignment)
    found = read_timestamp(course.submitted(student, assignment), zone)
    return found.time if found else None


def lateness(course: Course, student: str, assignment: str) -> Lateness:
    """How late `student` is with `assignment`, and what it costs, free late days considered."""
    times = {name: handed_in(course, student, name) for name in course.assignments}
    return course.policies.lateness(student, assignment, times)


def enter_times(course: Course, gradebook: Gradebook, assignment: str, student: str) -> None:
    """Enter due date, extension and time of handing in of a submission in the gradebook.

    If course.toml has no due date, one that somebody entered otherwise stays; so does a time, if
    there is no timestamp.txt.
    """
    submission = gradebook.find_submission(assignment, student)
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
    """What a student is told of their lateness and what it cost; nothing if there was none."""
    late = lateness(course, student, assignment)
    if not late.is_late:
        return ""
    sentence = f"Handed in {in_words(timedelta(seconds=late.seconds))} after your deadline"
    sentence += f": {_counted(late.days)}"
    if late.free:
        sentence += f", {late.free} of them free" if late.free < late.days else ", free"
    if taken:
        sentence += f". This takes {late.share:.0%} off your points, {taken:g} so far"
    return f"{sentence}."


def _counted(days: int) -> str:
    return "one late day" if days == 1 else f"{days} late days"
