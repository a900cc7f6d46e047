"""Assignments and student named in a command, with suggestions for mistyped names."""

import argparse
import sys

from nbjudge.core.course import Course, assignment_of
from nbjudge.core.errors import CourseError
from nbjudge.shared.command_line import did_you_mean


def named(course: Course, options: argparse.Namespace) -> list[str]:
    """The assignments named, or all of the course.

    Raises CourseError if the course has no assignment of a given name.
    """
    wanted = options.assignments or course.assignments
    return list(dict.fromkeys(one for name in wanted for one in _notebooks(course, name)))


def _notebooks(course: Course, name: str) -> list[str]:
    """The assignment called `name`, or its notebooks if it has several."""
    several = [one for one in course.assignments if assignment_of(one) == name]
    return several or [known(course, name)]


def known(course: Course, name: str) -> str:
    """The name of an assignment.  Raises CourseError if the course has none of that name."""
    if name not in course.assignments:
        if guess := did_you_mean(name, course.assignments):
            raise CourseError(f"There is no assignment {name!r} in this course{guess}")
    return course.assignment(name).name


def check_student(course: Course, names: list[str], student: str | None) -> None:
    """Raise CourseError if `student` is given and has submitted none of the assignments."""
    for name in names if student is not None else ():
        everyone = course.students(name)
        if student not in everyone:
            if guess := did_you_mean(str(student), everyone):
                raise CourseError(f"There is no submission of {name} by {student!r}{guess}")


def warn_of_exceptions(course: Course) -> None:
    """Print a warning for each exception in course.toml that is for nobody."""
    from nbjudge.gradebook.students import exceptions_of_nobody  # imports nbgrader

    for sentence in exceptions_of_nobody(course):
        print(f"nbjudge: warning: {sentence}", file=sys.stderr)
