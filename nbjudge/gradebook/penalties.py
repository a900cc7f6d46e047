"""Late penalties, computed and entered in the gradebook only here.

nbgrader computes a penalty from the points that a submission has at the time. Manual points and
extensions come later, so commands that export grades or pages call `refresh` first. Code that only
computes grades or a page reads the penalty that was entered, and writes nothing.
"""

from collections.abc import Iterable

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from nbjudge.core.archives import is_archive
from nbjudge.core.course import Course, assignment_of
from nbjudge.gradebook.connection import (
    find_submitted,
    gradebook_errors,
    in_one_transaction,
    open_gradebook,
)
from nbjudge.gradebook.lateness import enter_times
from nbjudge.gradebook.nbgrader_config import load_config
from nbjudge.gradebook.rows import has_gradebook
from nbjudge.judge.verdicts import Record, read_record


def refresh(course: Course, assignment: str, students: Iterable[str] | None = None) -> None:
    """Enter current times and penalties of `assignment`, for all graded students or `students`.

    They are entered together or not at all. If nothing has changed, nothing is written, and
    nothing ever changes in an archive.

    Raises CourseError if the gradebook cannot be written, or there is no nbgrader_config.py.
    """
    course.assignment(assignment)
    if not has_gradebook(course) or is_archive(course):
        return
    wanted = None if students is None else set(students)
    with gradebook_errors(course), open_gradebook(course) as gradebook:
        config = load_config(course)
        with in_one_transaction(gradebook):
            for submission in gradebook.assignment_submissions(assignment_of(assignment)):
                student = submission.student.id
                if wanted is not None and student not in wanted:
                    continue
                record = read_record(course.autograded_notebook(student, assignment))
                if record is not None:
                    enter(course, gradebook, config, record)


def enter(course: Course, gradebook: Gradebook, config: Config, record: Record) -> None:
    """Enter times and penalty of the submission of `record`; a failed one has no penalty.

    The penalty comes from the plugin named in nbgrader_config.py, read as `config`. The caller
    commits.
    """
    assignment, student = record.assignment, record.student
    enter_times(course, gradebook, assignment, student)
    notebook = find_submitted(gradebook, assignment, student)
    if record.status == "failed":
        notebook.late_submission_penalty = None
        return
    submission = gradebook.find_submission(assignment_of(assignment), student)
    penalty = None
    if submission.total_seconds_late > 0:
        gradebook.db.flush()  # the scores just entered count
        gradebook.db.refresh(notebook)
        step = AssignLatePenalties(config=config)
        step.assignment_id = assignment
        step.init_plugin()
        found = step.plugin_inst.late_submission_penalty(
            student, notebook.score, submission.total_seconds_late
        )
        penalty = None if found is None else min(max(found, 0.0), notebook.score)
    notebook.late_submission_penalty = penalty


def entered(gradebook: Gradebook, assignment: str, student: str) -> float:
    """The points that the gradebook deducts from a submission for lateness."""
    try:
        found = find_submitted(gradebook, assignment, student)
    except MissingEntry:
        return 0.0
    return float(found.late_submission_penalty or 0.0)
