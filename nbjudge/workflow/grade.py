"""`nbjudge grade`: every submission is graded, or failed with a reason; none can stop the batch."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, as_completed
from pathlib import Path

import nbformat

from nbjudge.core.course import Course
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import notebook_text
from nbjudge.gradebook.ledger import Ledger
from nbjudge.judge import submission
from nbjudge.judge.answer_key import AnswerKey, key_for_grading, known_key
from nbjudge.judge.verdicts import Record, attached, read_record
from nbjudge.kernel import evidence
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor, workers

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

    Raises CourseError where nothing can be graded: an unknown assignment or student, no sandbox,
    no release, a key of another release, a gradebook that is locked or cannot be written.
    """
    course.assignment(assignment)
    executor.isolation.check()
    key = key_for_grading(course, assignment)
    students = course.students(assignment, student)
    records = []
    for name in [name for name in students if not _is_text(name)]:
        students.remove(name)
        records.append(_nameless(assignment, name))
        progress(records[-1])
    with Ledger(course, assignment) as ledger:
        todo = []
        for name in students:
            done = None if force else _already_graded(course, ledger, key, name)
            if done is None:
                todo.append(name)
            else:
                records.append(done)
                progress(done)
        for text in _graded(course, key, executor, todo):
            records.append(_keep(course, ledger, text))
            progress(records[-1])
    return sorted(records, key=lambda record: record.student)


def _graded(
    course: Course, key: AnswerKey, executor: NotebookExecutor, students: list[str]
) -> Iterator[str]:
    """The autograded notebook of each of `students`, as soon as it is there."""
    waiting: dict[Future[str], str] = {}
    left: list[str] = []
    for name in students:
        try:
            job = executor.submit(grade_submission, course, key.assignment, key.digest, name)
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
        yield _graded_alone(course, key, executor.isolation, name)


def _graded_alone(course: Course, key: AnswerKey, isolation: Isolation, student: str) -> str:
    """The autograded notebook of one student, in a worker that only this one can end."""
    with workers(1, isolation) as executor:
        job = executor.submit(grade_submission, course, key.assignment, key.digest, student)
        try:
            return job.result()
        except BrokenExecutor:
            reason = "it ended the process that graded it"
            return notebook_text(submission.failed(key, _current(course, key, student), reason))


def _is_text(name: str) -> bool:
    """Whether a folder's name can be written anywhere; on Linux it may be any bytes."""
    return evidence.sendable(name) == name


def _nameless(assignment: str, name: str) -> Record:
    shown = evidence.sendable(name)
    return Record(
        assignment, shown, "failed", f"the folder submitted/{shown} needs a name in UTF-8"
    )


def _already_graded(course: Course, ledger: Ledger, key: AnswerKey, student: str) -> Record | None:
    """The record of a submission that need not be graded again."""
    path = course.autograded_notebook(student, key.assignment)
    entered = read_record(_unfinished(path))
    before = read_record(path)
    if entered is None and before is None:
        return None
    current = _current(course, key, student)
    if entered is not None and _is_current(entered, current) and ledger.holds(entered):
        if before is None or not ledger.holds(before):  # it was entered, and then came the end
            _unfinished(path).replace(path)
            return entered
    is_done = before is not None and _is_current(before, current) and ledger.holds(before)
    return before if is_done else None


def _current(course: Course, key: AnswerKey, student: str) -> Record:
    """The record of what `student` has handed in, as it is now, still to be judged."""
    assignment = course.assignment(key.assignment)
    found = submission.read(assignment, student, course.submitted(student, assignment.name))
    return submission.new_record(assignment, student, found.digest, key)


def _is_current(record: Record, current: Record) -> bool:
    """Whether `record` is of the same submission, key and code as `current`, and has a grade."""
    same = (record.submission, record.key, record.engine)
    return record.status == "graded" and same == (
        current.submission,
        current.key,
        current.engine,
    )


def _unfinished(path: Path) -> Path:
    """Where an autograded notebook waits while it is entered into the gradebook."""
    return path.with_name(f"{path.name}.part")


def _keep(course: Course, ledger: Ledger, text: str) -> Record:
    """Enter a graded notebook into the gradebook, and give the file its name after that.

    So whatever ends this process, the file or its record tells what the gradebook holds.
    """
    notebook = nbformat.reads(text, as_version=4)
    record = attached(notebook)
    assert record is not None, "grade_submission attaches a record"
    path = course.autograded_notebook(record.student, record.assignment)
    before = read_record(path)
    write_text(_unfinished(path), text)
    ledger.enter(record, notebook, before)
    _unfinished(path).replace(path)
    return record
