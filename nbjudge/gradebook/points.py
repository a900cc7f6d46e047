"""The points of every cell in the gradebook, the machine's and people's, read without nbgrader."""

from dataclasses import dataclass

from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.gradebook.rows import has_gradebook, rows

QUERY = """
SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.manual_score,
       grade.extra_credit, grade.needs_manual_grade
FROM assignment
JOIN submitted_assignment ON submitted_assignment.assignment_id = assignment.id
JOIN submitted_notebook ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN notebook ON notebook.id = submitted_notebook.notebook_id AND notebook.name = :notebook
JOIN grade ON grade.notebook_id = submitted_notebook.id
JOIN base_cell ON base_cell.id = grade.cell_id
WHERE assignment.name = :assignment
"""


@dataclass(frozen=True)
class Points:
    """The points of one student's cell in the gradebook; None where there are none."""

    grade_id: str
    machine: float | None
    person: float | None  # they count instead of the machine's
    extra: float | None  # extra credit
    waits: bool  # for a person to look at it

    @property
    def counts(self) -> float | None:
        """The points that count; None if there are none yet."""
        score = self.machine if self.person is None else self.person
        return score if self.extra is None else (score or 0.0) + self.extra

    @property
    def is_override_to_check(self) -> bool:
        """Whether a person's points stand in for the machine's, and a person should look again."""
        return self.waits and self.person is not None and self.machine is not None


def entered_points(course: Course, assignment: str) -> dict[str, list[Points]]:
    """The points of each student with a submission of `assignment`; none without a gradebook.

    Raises CourseError if the gradebook cannot be read.
    """
    if not has_gradebook(course):
        return {}
    answers = rows(
        course,
        QUERY,
        assignment=assignment_of(assignment),
        notebook=notebook_of(assignment),
    )
    found: dict[str, list[Points]] = {}
    for student, cell, machine, person, extra, waits in sorted(answers, key=lambda row: row[:2]):
        points = Points(cell, machine, person, extra, bool(waits))
        found.setdefault(student, []).append(points)
    return found
