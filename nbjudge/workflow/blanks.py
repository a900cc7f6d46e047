"""`nbjudge blanks`: written answers that are blank, and 0 points for all of them together."""

from dataclasses import dataclass

from nbjudge.core.course import Course, assignment_of, notebook_of
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import read_notebook
from nbjudge.gradebook.connection import gradebook_errors, in_one_transaction, open_gradebook
from nbjudge.gradebook.points import entered_points
from nbjudge.judge.verdicts import attached
from nbjudge.pages.blanks import blank_tasks


@dataclass(frozen=True)
class Blank:
    """A written task that a student left blank, and that nobody has graded."""

    student: str
    task: str


def blanks(course: Course, assignment: str) -> list[Blank]:
    """The blank answers of `assignment` that wait for points, by student.

    A submission that failed has none: nobody knows what is in it.

    Raises CourseError if the gradebook cannot be read.
    """
    course.assignment(assignment)
    found = []
    for student, points in entered_points(course, assignment).items():
        waiting = {one.grade_id for one in points if one.waits and one.counts is None}
        if not waiting:
            continue
        try:
            notebook = read_notebook(course.autograded_notebook(student, assignment))
        except (CourseError, OSError):
            continue  # `nbjudge feedback` complains about it
        record = attached(notebook)
        if record is not None and record.status == "graded":
            found += [Blank(student, task) for task in blank_tasks(notebook) if task in waiting]
    return found


def give_zero(course: Course, assignment: str, found: list[Blank]) -> None:
    """Give 0 points to all of these, together or not at all.

    Raises CourseError if the gradebook cannot be written.
    """
    with (
        gradebook_errors(course),
        open_gradebook(course) as gradebook,
        in_one_transaction(gradebook),
    ):
        for blank in found:
            grade = gradebook.find_grade(
                blank.task, notebook_of(assignment), assignment_of(assignment), blank.student
            )
            grade.manual_score, grade.needs_manual_grade = 0.0, False
