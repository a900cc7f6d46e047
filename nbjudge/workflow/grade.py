"""`nbjudge grade`: every submission is graded, or failed with a reason; none can stop the batch."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, as_completed

import nbformat

from nbjudge.core.course import Course
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import notebook_text
from nbjudge.gradebook.ledger import Ledger
from nbjudge.judge import submission
from nbjudge.judge.answer_key import known_key
from nbjudge.judge.verdicts import Record, attached, read_record
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor, workers
from nbjudge.workflow import plan
from nbjudge.workflow.plan import Plan

Progress = Callable[[Record], None]


def grade_submission(
    course: Course, assignment: str, key_digest: str, student: str, isolation: Isolation
) -> str:
    """The autograded notebook of one submission as JSON text, with its record in it."""
    key = known_key(course.key(assignment), assignment, key_digest)
    folder = course.submitted(student, assignment)
    settings = course.assignment(assignment)
    graded = submission.grade_folder(settings, key, student, folder, isolation)
    return notebook_text(graded)


def grade(
    course: Course,
    assignment: str,
    executor: NotebookExecutor,
    student: str | Iterable[str] | None = None,
    force: bool = False,
    progress: Progress = lambda record: None,
) -> list[Record]:
    """Grade every submission of `assignment`, or those of one student or of some.

    Their records, sorted by student.

    A submission that this code has graded with this key before is left as it is, unless `force`.

    Raises CourseError if nothing can be graded: an unknown assignment or student, no sandbox,
    no release, a key of another release, a gradebook that is locked or cannot be written.
    """
    return carry_out(plan.make(course, assignment, student, force), executor, progress)


def carry_out(
    work: Plan, executor: NotebookExecutor, progress: Progress = lambda record: None
) -> list[Record]:
    """Grade what a plan has left to do; the records of all that it names, sorted by student.

    Raises CourseError as `grade` does.
    """
    records = list(work.done)
    for record in records:
        progress(record)
    if work.todo:
        executor.isolation.check()
        with Ledger(work.course, work.assignment) as ledger:
            for text in _graded(work, executor):
                records.append(_keep(work.course, ledger, text))
                progress(records[-1])
    return sorted(records, key=lambda record: record.student)


def _graded(work: Plan, executor: NotebookExecutor) -> Iterator[str]:
    """The autograded notebook of each student whom a plan leaves to do, as soon as it is there."""
    waiting: dict[Future[str], str] = {}
    left: list[str] = []
    for name in work.todo:
        try:
            job = executor.submit(
                grade_submission, work.course, work.assignment, work.key_digest, name
            )
            waiting[job] = name
        except BrokenExecutor:  # a worker has ended, and the others with it
            left.append(name)
    for job in as_completed(waiting):
        try:
            text = job.result()
        except BrokenExecutor:
            left.append(waiting[job])
            continue
        yield text
    for name in left:
        yield _graded_alone(work, executor.isolation, name)


def _graded_alone(work: Plan, isolation: Isolation, student: str) -> str:
    """The autograded notebook of one student, in a worker that only this one can end."""
    with workers(1, isolation) as executor:
        job = executor.submit(
            grade_submission, work.course, work.assignment, work.key_digest, student
        )
        try:
            return job.result()
        except BrokenExecutor:
            key = known_key(work.course.key(work.assignment), work.assignment, work.key_digest)
            record = plan.current(work.course, work.assignment, work.key_digest, student)
            reason = "it ended the process that graded it"
            return notebook_text(submission.failed(key, record, reason))


def _keep(course: Course, ledger: Ledger, text: str) -> Record:
    """Enter a graded notebook into the gradebook, and give the file its name after that.

    So whatever ends this process, the file or its record tells what the gradebook holds.
    """
    notebook = nbformat.reads(text, as_version=4)
    record = attached(notebook)
    assert record is not None, "grade_submission attaches a record"
    path = course.autograded_notebook(record.student, record.assignment)
    before = read_record(path)
    unfinished = plan.unfinished(path)
    write_text(unfinished, text)
    ledger.enter(record, notebook, before)
    unfinished.replace(path)
    return record
