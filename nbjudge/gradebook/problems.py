"""Sentences for a gradebook that cannot be used; none shows the password of a server."""

import re

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError

DRIVER = (
    "The gradebook is in PostgreSQL, and this Python has no driver for it: run "
    '`pip install "psycopg[binary]"`, and begin the URL with postgresql+psycopg://.'
)
LOCKED = r"\blocked\b|lock timeout|could not obtain lock"


def unknown(assignment: str) -> CourseError:
    """The error of a gradebook without `assignment`."""
    return CourseError(
        f"The gradebook does not know {assignment} yet; run `nbjudge build {assignment}`."
    )


def unusable(course: Course, reason: str) -> CourseError:
    """The error of a gradebook whose database rejects something for `reason`."""
    place = course.gradebook_place
    if not place.is_postgresql and re.search(r"malformed|not a database|corrupt", reason):
        return CourseError(
            f"The gradebook {place.shown} is damaged ({reason}): put a copy of it "
            "from a backup in its place. Without one, move it away, build and enter the roster "
            "again, and grade: collected submissions are kept, points given by people are not."
        )
    if re.search(LOCKED, reason):
        reason = "it is locked by another program"
    reason = place.without_password(" ".join(reason.split())).rstrip(".")
    remedy = "mend this" if place.is_postgresql else "close what uses it"
    return CourseError(
        f"The gradebook {place.shown} cannot be used: {reason}; {remedy} and run the command "
        "again. What was graded before is kept."
    )
