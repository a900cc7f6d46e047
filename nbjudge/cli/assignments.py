"""The assignments that a command is about."""

import argparse

from nbjudge.core.course import Course


def named(course: Course, options: argparse.Namespace) -> list[str]:
    """The assignments that were named, or all of the course.

    Raises CourseError if the course has no assignment of a given name.
    """
    names = options.assignments or list(course.assignments)
    return [course.assignment(name).name for name in names]
