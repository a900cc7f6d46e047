"""Scores in the gradebook, read directly from its tables: importing nbgrader takes a second."""

import contextlib
import re
import sqlite3

from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.core.errors import CourseError
from nbjudge.judge.verdicts import Record, Verdict

Cells = dict[str, tuple[float | None, float | None]]
"""Automatic score and extra credit, by the name of the cell."""

QUERY = """
SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.extra_credit
FROM assignment
JOIN submitted_assignment ON submitted_assignment.assignment_id = assignment.id
JOIN submitted_notebook ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN notebook ON notebook.id = submitted_notebook.notebook_id AND notebook.name = ?
LEFT JOIN grade ON grade.notebook_id = submitted_notebook.id
LEFT JOIN base_cell ON base_cell.id = grade.cell_id
WHERE assignment.name = ?
"""


def entered(course: Course, assignment: str) -> dict[str, Cells]:
    """The scores in the gradebook, by student.

    Raises CourseError if the gradebook cannot be read, or has no `assignment`.
    """
    path = course.root / "gradebook.db"
    if not path.exists() or not path.stat().st_size:
        raise unknown(assignment)
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            known = connection.execute(
                "SELECT 1 FROM assignment WHERE name = ?", (assignment_of(assignment),)
            )
            if known.fetchone() is None:
                raise unknown(assignment)
            rows = connection.execute(
                QUERY, (notebook_of(assignment), assignment_of(assignment))
            ).fetchall()
    except sqlite3.DatabaseError as error:
        raise unusable(course, str(error)) from error
    found: dict[str, Cells] = {}
    for student, cell, score, extra_credit in rows:
        cells = found.setdefault(student, {})
        if cell is not None:
            cells[cell] = score, extra_credit
    return found


def holds(found: dict[str, Cells], record: Record) -> bool:
    """Whether the scores `found` in the gradebook are those of `record`."""
    cells = found.get(record.student)
    if cells is None:
        return False
    if record.status == "failed":
        return all(score is None for score, _ in cells.values())
    return all(_has(cells, verdict) for verdict in record.verdicts)


def _has(cells: Cells, verdict: Verdict) -> bool:
    """Whether a student has the verdict's score; a grader may have changed the extra credit."""
    score, extra_credit = cells.get(verdict.grade_id, (None, None))
    if verdict.is_extra:
        return extra_credit is not None
    return score is None if verdict.waits else score == verdict.score


def unknown(assignment: str) -> CourseError:
    """The error of a gradebook without `assignment`."""
    return CourseError(
        f"The gradebook does not know {assignment} yet; run `nbjudge build {assignment}`."
    )


def unusable(course: Course, reason: str) -> CourseError:
    """The error of a gradebook that SQLite rejects for `reason`."""
    if re.search(r"malformed|not a database|corrupt", reason):
        return CourseError(
            f"The gradebook {course.root / 'gradebook.db'} is damaged ({reason}): put a copy of it "
            "from a backup in its place. Without one, move it away, build and enter the roster "
            "again, and grade: collected submissions are kept, points given by people are not."
        )
    if "locked" in reason:
        reason = "it is locked by another program"
    return CourseError(
        f"The gradebook {course.root / 'gradebook.db'} cannot be used: {reason}; close what "
        "uses it and run the command again. What was graded before is kept."
    )
