"""`nbjudge explain`: why a submission has its scores, for the instructor who is asked."""

import dataclasses
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.gradebook.points import entered_points
from nbjudge.judge import submission
from nbjudge.judge.answer_key import key_for_grading, known_key
from nbjudge.judge.intake import Unreadable
from nbjudge.pages import explanation
from nbjudge.pages.explanation import Explanation, InGradebook
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.shared.command_line import did_you_mean


def explain(
    course: Course,
    assignment: str,
    student: str,
    executor: NotebookExecutor,
    cell: str | None = None,
) -> Explanation:
    """Run the submission of `student` again and explain its scores, or that of one grade cell.

    Nothing is entered in the gradebook.

    Raises CourseError if there is no such submission or cell, no release, or no answer key.
    """
    course.students(assignment, student)
    key = key_for_grading(course, assignment)
    names = [one.grade_id for one in key.cells]
    if cell is not None and cell not in names:
        hint = did_you_mean(cell, names) or f"; it has {', '.join(names)}."
        raise CourseError(f"The machine grades no cell {cell!r} in {assignment}{hint}")
    job = executor.submit(_explain, course, assignment, key.digest, student, cell)
    found = job.result()
    entered = entered_points(course, assignment).get(student, [])
    in_gradebook = {one.grade_id: InGradebook(one.machine, one.person) for one in entered}
    return dataclasses.replace(found, gradebook=in_gradebook)


def _explain(
    course: Course,
    assignment: str,
    key_digest: str,
    student: str,
    cell: str | None,
    isolation: Isolation,
) -> Explanation:
    settings = course.assignment(assignment)
    key = known_key(course.key(assignment), assignment, key_digest)
    found = submission.read(settings, student, course.submitted(student, assignment))
    record = submission.new_record(settings, student, found.digest, key.digest)
    try:
        assembled = submission.assemble_submission(settings, key, found)
    except Unreadable as error:
        reason = str(error).rstrip(".")
        return Explanation(dataclasses.replace(record, status="failed", reason=reason))
    run = submission.run_assembled(settings, key, assembled.notebook, found.files, isolation)
    verdicts = submission.verdicts_on(key, run, found.files)
    record = dataclasses.replace(record, notes=assembled.notes, verdicts=tuple(verdicts.values()))
    return explanation.explained(key, record, run, settings.limits, cell)


def write_page(course: Course, found: Explanation) -> Path:
    """Write the explanation as a page, explained/<student>/<assignment>.html; its path."""
    name = found.record.assignment
    path = course.root / "explained" / found.record.student / f"{name}.html"
    write_text(path, explanation.page(found, course.assignment(name).title))
    return path
