"""`nbjudge feedback`: one page for each student with a graded submission."""

from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook

from nbjudge.core import exchange
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import read_notebook
from nbjudge.gradebook import lateness, penalties
from nbjudge.gradebook.connection import find_submitted, gradebook_errors, read_gradebook
from nbjudge.judge.answer_key import release_digest
from nbjudge.judge.verdicts import attached
from nbjudge.pages import feedback_page
from nbjudge.pages.feedback_page import Lateness, Mark


def write_feedback(
    course: Course, assignment: str, student: str | None = None
) -> tuple[list[Path], list[str]]:
    """Write feedback/<student>/<assignment>/<assignment>.html for everyone graded, or `student`.

    Returns the pages that were written, and a sentence for each student who has none because of a
    problem in autograded/ or in the gradebook. The gradebook is only read: `penalties.refresh`
    updates its penalties.

    Raises CourseError if the assignment or the student is unknown, or nothing is graded yet.
    """
    title = course.assignment(assignment).title
    release_digest(course, assignment)
    written: list[Path] = []
    complaints: list[str] = []
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        for name in course.students(assignment, student):
            if not course.autograded_notebook(name, assignment).is_file():
                continue
            try:
                text = _page(course, gradebook, assignment, name, title)
            except CourseError as error:
                complaints.append(str(error))
                continue
            written.append(course.feedback_page(name, assignment))
            write_text(written[-1], text)
            graded = course.autograded_notebook(name, assignment).parent
            exchange.carry(graded, written[-1].parent)
    if not written and not complaints:
        raise CourseError(
            f"Nothing of {assignment} is graded yet; run `nbjudge grade {assignment}`."
        )
    return written, complaints


def page(course: Course, assignment: str, student: str) -> str:
    """The feedback page of one student, as HTML.

    Raises CourseError if the submission is not graded, or the gradebook cannot be used.
    """
    title = course.assignment(assignment).title
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        return _page(course, gradebook, assignment, student, title)


def _page(course: Course, gradebook: Gradebook, assignment: str, student: str, title: str) -> str:
    path = course.autograded_notebook(student, assignment)
    notebook = read_notebook(path)
    record = attached(notebook)
    if record is None:
        raise CourseError(f"{path} was not graded by nbjudge; run `nbjudge grade {assignment}`.")
    marks = _marks(gradebook, assignment, student)
    taken = penalties.entered(gradebook, assignment, student)
    late = Lateness(lateness.explained(course, student, assignment, taken), taken)
    return feedback_page.page(notebook, record, marks, title, late)


def _marks(gradebook: Gradebook, assignment: str, student: str) -> list[Mark]:
    """The gradebook's scores and graders' comments for a submission's cells."""
    try:
        found = find_submitted(gradebook, assignment, student)
    except MissingEntry as error:
        raise CourseError(
            f"The gradebook has no {assignment} of {student}; run `nbjudge grade {assignment}`."
        ) from error
    comments = _comments(found)
    marks = [
        Mark(
            grade_id=grade.name,
            score=grade.score,
            points=grade.max_score,
            # after a resubmission, manual points are still those of the old answer
            needs_manual_grade=grade.needs_manual_grade
            and (grade.manual_score is None or grade.auto_score is None),
            comment=comments.pop(grade.name, ""),
            is_rechecked=grade.needs_manual_grade
            and grade.manual_score is not None
            and grade.auto_score is not None,
        )
        for grade in found.grades
        if grade.max_score or grade.extra_credit  # visible checks have neither
    ]
    rest = [Mark(name, 0.0, 0.0, False, comment) for name, comment in sorted(comments.items())]
    return marks + rest


def _comments(found: SubmittedNotebook) -> dict[str, str]:
    """The graders' own comments, by cell."""
    return {entry.name: entry.manual_comment for entry in found.comments if entry.manual_comment}
