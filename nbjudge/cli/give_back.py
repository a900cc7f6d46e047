"""Commands that return results: feedback, return, grades, report."""

import argparse
import os
import sys
from collections.abc import Iterable

from nbjudge.cli.assignments import check_student, known, named, warn_of_exceptions
from nbjudge.cli.tables import print_table
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.tables import write_table
from nbjudge.core.term import Total
from nbjudge.gradebook import penalties
from nbjudge.pages import report as reports
from nbjudge.workflow import feedback as feedbacks
from nbjudge.workflow import grades as exports
from nbjudge.workflow import totals
from nbjudge.workflow.solutions import write_solutions

SHOWN = 5  # names of students, where all would fill the screen


def feedback(options: argparse.Namespace) -> int:
    """Write a feedback page for every graded submission, or one with the solutions.

    1 if a page could not be written.
    """
    course = find_course(options.course)
    names = named(course, options)
    warn_of_exceptions(course)
    if options.solutions:
        for name in names:
            print(f"{name}: {write_solutions(course, name)}")
        return 0
    check_student(course, names, options.student)
    complaints: list[str] = []
    for name in names:
        penalties.refresh(course, name)
        written, missing = feedbacks.write_feedback(course, name, options.student)
        print(f"{name}: {len(written)} feedback pages below {course.root / 'feedback'}")
        complaints += missing
    return _complain(complaints)


def return_(options: argparse.Namespace) -> int:
    """Zip the feedback pages in the form their LMS accepts; 1 if one could not be written."""
    course = find_course(options.course)
    name = known(course, options.assignment)
    warn_of_exceptions(course)
    penalties.refresh(course, name)
    written, complaints = feedbacks.write_feedback(course, name)
    students = [path.parent.parent.name for path in written]
    unknown = exports.feedback_zip(course, name, students, options.out)
    print(f"{len(students)} feedback pages in {options.out}")
    if unknown:
        print(f"Named after the student, because their LMS is not known: {len(unknown)}, "
              f"{_first(unknown)}")  # fmt: skip
    return _complain(complaints)


def _complain(complaints: Iterable[str]) -> int:
    """Print what failed; returns the command's exit code."""
    code = 0
    for complaint in complaints:
        print(f"nbjudge: {complaint}", file=sys.stderr)
        code = 1
    return code


def grades(options: argparse.Namespace) -> int:
    """Write the grades, or enter them in an LMS's own file."""
    course = find_course(options.course)
    names = options.assignments or reports.graded_assignments(course)
    names = [known(course, name) for name in names]
    if options.out_of is not None and options.into is None:
        raise CourseError("--out-of converts grades for a file named with --into.")
    warn_of_exceptions(course)
    for name in names:
        penalties.refresh(course, name)
    found = [score for name in names for score in exports.scores(course, name, options.so_far)]
    left = [(one.person.student, one.status) for one in found if not one.is_graded]
    written = len(found) - len(left)
    term: list[Total] = []
    points = sum(float(one.shown) for one in found if one.is_graded)
    if options.into is None:
        is_all = not options.assignments and len(course.assignments) > 1
        term = totals.totals(course, options.so_far) if is_all else []
        exports.write_grades(course, found, options.out, term)
    else:
        if len(options.assignments) != 1:
            raise CourseError("--into takes the grades of one problem set at a time.")
        if options.out.resolve() == options.into.resolve():
            raise CourseError("--out must be another file than --into.")
        (name,) = options.assignments
        filled = exports.fill(course, name, found, options.into, options.column, options.out_of)
        write_table(filled.table, options.out)
        written, points, left = filled.written, filled.points, filled.left
    print(f"{written} grades in {options.out}, {round(points, 2):g} points in all")
    if term:
        without = sum(not total.is_graded for total in term)
        print(
            f"{len(term) - without} totals over the term, in the last rows; {without} still wait."
        )
    if left:
        print(f"{len(left)} without a grade, which is not a zero:")
        print_table(("why", "how many", "who"), _by_reason(left))
    return 0


def _by_reason(left: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Each reason, how many it is the reason for, and the names of the first."""
    who: dict[str, list[str]] = {}
    for student, reason in left:
        who.setdefault(reason, []).append(student)
    return [(reason, str(len(names)), _first(names)) for reason, names in who.items()]


def _first(names: list[str]) -> str:
    """The first five `names`."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def report(options: argparse.Namespace) -> int:
    """Write a page and tables on class results."""
    course = find_course(options.course)
    names = options.assignments or reports.graded_assignments(course)
    names = [known(course, name) for name in names]
    folder = options.out or course.root / ("report_to_share" if options.share else "report")
    term = totals.totals(course, so_far=True) if len(names) > 1 else []
    page, *tables = reports.write_report(course, names, folder, options.share, term)
    print(f"Open next, in a browser: {os.path.relpath(page)}")
    print(f"Tables, next to it: {', '.join(table.name for table in tables)}")
    return 0
