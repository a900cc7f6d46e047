"""Plan of `nbjudge grade`: which submissions are already graded, and which are left.

To find that nothing is left takes no kernel, no worker, and no import of nbgrader.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.gradebook_place import LONGEST_NAME
from nbjudge.gradebook.entered import Cells, entered, holds
from nbjudge.judge import submission
from nbjudge.judge.answer_key import summary_for_grading
from nbjudge.judge.verdicts import Record, read_record
from nbjudge.kernel import evidence


@dataclass(frozen=True)
class Plan:
    """The submissions of one assignment: those already graded, and those left to do."""

    course: Course
    assignment: str
    key_digest: str  # of the answer key to grade with
    done: tuple[Record, ...]
    todo: tuple[str, ...]  # students


def make(
    course: Course,
    assignment: str,
    student: str | Iterable[str] | None = None,
    force: bool = False,
) -> Plan:
    """The plan for every submission of `assignment`, or for those of one student or of some.

    force: whether graded submissions are also left to do

    Raises CourseError if nothing can be graded: an unknown assignment or student, no release,
    a key of another release, a gradebook that cannot be read.
    """
    course.assignment(assignment)
    key = summary_for_grading(course, assignment)
    students = course.students(assignment, student)
    in_gradebook = entered(course, assignment)
    done, todo = [], []
    for name in students:
        record: Record | None
        if reason := _bad_name(name):
            record = Record(assignment, evidence.sendable(name), "failed", reason)
        elif force:
            record = None
        else:
            record = _already_graded(course, assignment, in_gradebook, key.digest, name)
        if record is None:
            todo.append(name)
        else:
            done.append(record)
    return Plan(course, assignment, key.digest, tuple(done), tuple(todo))


def _bad_name(student: str) -> str:
    """Why nobody can be called like this folder; empty if somebody can."""
    shown = evidence.sendable(student)
    if shown != student:  # on Linux, a folder's name can be any bytes
        return f"the folder submitted/{shown} needs a name in UTF-8"
    if len(student) > LONGEST_NAME:
        return f"the folder submitted/{shown} needs a name of at most {LONGEST_NAME} characters"
    return ""


def _already_graded(
    course: Course, assignment: str, in_gradebook: dict[str, Cells], key_digest: str, student: str
) -> Record | None:
    """The record of a submission that need not be regraded, or None."""
    path = course.autograded_notebook(student, assignment)
    pending, before = read_record(unfinished(path)), read_record(path)
    if pending is None and before is None:
        return None
    wanted = current(course, assignment, key_digest, student)
    if pending is not None and _is_same(pending, wanted) and holds(in_gradebook, pending):
        if before is None or not holds(in_gradebook, before):  # entered, but then interrupted
            unfinished(path).replace(path)
            return pending
    is_done = before is not None and _is_same(before, wanted) and holds(in_gradebook, before)
    return before if is_done else None


def current(course: Course, assignment: str, key_digest: str, student: str) -> Record:
    """The record of the current submission by `student`, yet to be judged."""
    settings = course.assignment(assignment)
    found = submission.read(settings, student, course.submitted(student, assignment))
    return submission.new_record(settings, student, found.digest, key_digest)


def _is_same(record: Record, wanted: Record) -> bool:
    """Whether `record` is the final result for the submission, key, and code of `wanted`."""
    same = (record.submission, record.key, record.engine) == (
        wanted.submission,
        wanted.key,
        wanted.engine,
    )
    return same and (record.status == "graded" or record.is_final)


def unfinished(path: Path) -> Path:
    """The temporary path of an autograded notebook while it is entered in the gradebook."""
    return path.with_name(f"{path.name}.part")
