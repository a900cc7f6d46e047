"""Scores in the gradebook, read directly from its tables: importing nbgrader takes a second."""

from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.gradebook.problems import unknown
from nbjudge.gradebook.rows import has_gradebook, rows
from nbjudge.judge.verdicts import Record, Verdict

Cells = dict[str, tuple[float | None, float | None]]
"""Automatic score and extra credit, by the name of the cell."""

QUERY = """
SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.extra_credit
FROM assignment
JOIN submitted_assignment ON submitted_assignment.assignment_id = assignment.id
JOIN submitted_notebook ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN notebook ON notebook.id = submitted_notebook.notebook_id AND notebook.name = :notebook
LEFT JOIN grade ON grade.notebook_id = submitted_notebook.id
LEFT JOIN base_cell ON base_cell.id = grade.cell_id
WHERE assignment.name = :assignment
"""


def entered(course: Course, assignment: str) -> dict[str, Cells]:
    """The scores in the gradebook, by student.

    Raises CourseError if the gradebook cannot be read, or has no `assignment`.
    """
    query = "SELECT 1 FROM assignment WHERE name = :assignment"
    names = {"assignment": assignment_of(assignment), "notebook": notebook_of(assignment)}
    if not has_gradebook(course) or not rows(course, query, assignment=names["assignment"]):
        raise unknown(assignment)
    found: dict[str, Cells] = {}
    for student, cell, score, extra_credit in rows(course, QUERY, **names):
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
