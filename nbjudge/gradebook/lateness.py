"""Late days and extensions, through nbgrader's own late-submission plugin.

nbgrader keeps a due date for each assignment, an extension and a time of handing in for each
submission, and asks its plugin for a penalty. Here these come from course.toml and timestamp.txt;
the same plugin is asked by `nbgrader autograde` and by `nbjudge`.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from nbjudge.core.course import Course, find_course
from nbjudge.core.deadlines import Lateness
from nbjudge.lms.collect import in_words, read_timestamp


class LateDays(LateSubmissionPlugin):
    """Takes a share of the points for each late day that no free one covers."""

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """The points that a submission of `score` points loses; None where it loses none."""
        config = self.parent.config.CourseDirectory
        course = find_course(Path(config.root if "root" in config else "."))
        late = lateness(course, student_id, self.parent.assignment_id)
        return late.share * score if late.share else None


def handed_in(course: Course, student: str, assignment: str) -> datetime | None:
    """When what counts of `assignment` was handed in, as far as anybody knows."""
    exception = course.policies.exception(student, assignment)
    return exception.handed_in or read_timestamp(course.submitted(student, assignment))


def lateness(course: Course, student: str, assignment: str) -> Lateness:
    """How late `student` is with `assignment`, and what it costs, free late days considered."""
    times = {name: handed_in(course, student, name) for name in course.assignments}
    return course.policies.lateness(student, assignment, times)


def enter_times(course: Course, gradebook: Gradebook, assignment: str, student: str) -> None:
    """Enter due date, extension and time of handing in of a submission in the gradebook.

    Where course.toml has no due date, those that somebody entered otherwise stay.
    """
    submission = gradebook.find_submission(assignment, student)
    time = handed_in(course, student, assignment)
    if time is not None:
        submission.timestamp = naive(time)
    due = course.policies.of(assignment).due
    deadline = course.policies.deadline(student, assignment)
    if due is None or deadline is None:
        return
    submission.assignment.duedate = naive(due)
    more = deadline - due
    submission.extension = more if more != timedelta(0) else None


def naive(time: datetime) -> datetime:
    """`time` as nbgrader keeps it: in UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None)


def enter_penalty(
    course: Course, gradebook: Gradebook, config: Config, assignment: str, student: str
) -> None:
    """Enter times and, by the plugin that nbgrader_config.py names, the penalty for lateness."""
    enter_times(course, gradebook, assignment, student)
    step = AssignLatePenalties(config=config)
    step.assignment_id = assignment
    step.init_plugin()
    submission = gradebook.find_submission(assignment, student)
    notebook = gradebook.find_submission_notebook(assignment, assignment, student)
    penalty = None
    if submission.total_seconds_late > 0:
        gradebook.db.flush()  # the scores just entered count
        gradebook.db.refresh(notebook)
        found = step.plugin_inst.late_submission_penalty(
            student, notebook.score, submission.total_seconds_late
        )
        penalty = None if found is None else min(max(found, 0.0), notebook.score)
    notebook.late_submission_penalty = penalty


def penalty(gradebook: Gradebook, assignment: str, student: str) -> float:
    """The points that the gradebook takes off a submission for its lateness."""
    try:
        found = gradebook.find_submission_notebook(assignment, assignment, student)
    except MissingEntry:
        return 0.0
    return float(found.late_submission_penalty or 0.0)


def explained(course: Course, student: str, assignment: str, taken: float) -> str:
    """What a student is told of their lateness and what it cost; nothing where there was none."""
    late = lateness(course, student, assignment)
    if not late.is_late:
        return ""
    sentence = f"Handed in {in_words(timedelta(seconds=late.seconds))} after your deadline"
    sentence += f": {_counted(late.days)}"
    if late.free:
        sentence += f", {late.free} of them free" if late.free < late.days else ", free"
    if taken:
        sentence += f". This takes {late.share:.0%} off your points, {taken:g} so far"
    return f"{sentence}."


def _counted(days: int) -> str:
    return "one late day" if days == 1 else f"{days} late days"
