"""`nbjudge grade`: grading of all submissions; none can stop the batch."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, as_completed
from contextlib import AbstractContextManager

import nbformat

from nbjudge.core import exchange, locks
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

    Returns their records, sorted by student.

    A submission already graded by this code with this key is skipped, unless `force`.

    Raises CourseError if nothing can be graded: an unknown assignment or student, no sandbox,
    no release, a key of another release, a gradebook that is locked or cannot be written.
    """
    return carry_out(plan.make(course, assignment, student, force), executor, progress)


def carry_out(
    work: Plan, executor: NotebookExecutor, progress: Progress = lambda record: None
) -> list[Record]:
    """Grade what a plan leaves to do; returns all of its records, sorted by student.

    Raises CourseError as `grade` does.
    """
    records = list(work.done)
    for record in records:
        _carry(work.course, record)  # the same notebook may have been submitted again
        progress(record)
    if work.todo:
        executor.isolation.check()
        with _alone(work), Ledger(work.course, work.assignment) as ledger:
            for text in _graded(work, executor):
                records.append(_keep(work.course, ledger, text))
                progress(records[-1])
    return sorted(records, key=lambda record: record.student)


def _alone(work: Plan) -> AbstractContextManager[None]:
    """Keep other runs from grading the same submissions into the same files."""
    path = work.course.root / "autograded" / f".{work.assignment.replace('/', '+')}.lock"
    return locks.only_one(
        path,
        f"Another program is grading {work.assignment} here; wait until it ends, or stop it.",
    )


def _graded(work: Plan, executor: NotebookExecutor) -> Iterator[str]:
    """The autograded notebook of each student left to do in a plan, as soon as it is available."""
    waiting: dict[Future[str], str] = {}
    left: list[str] = []
    for name in work.todo:
        try:
            job = executor.submit(
                grade_submission, work.course, work.assignment, work.key_digest, name
            )
            waiting[job] = name
        except BrokenExecutor:  # a worker has ended, and with it all others
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
    """The autograded notebook of one student, run in a separate worker."""
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
    """Enter a graded notebook in the gradebook, and then rename the file to its final name.

    So however this process ends, the file or its record says what is in the gradebook.
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
    _carry(course, record)
    return record


def _carry(course: Course, record: Record) -> None:
    graded = course.autograded_notebook(record.student, record.assignment)
    exchange.carry(course.submitted(record.student, record.assignment), graded.parent)
