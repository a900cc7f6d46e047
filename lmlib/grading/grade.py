"""`lmlib grade`: every submission is graded, or failed with a reason; none can stop the batch."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from lmlib.grading import engine, evidence, held_back, intake, judge, versions
from lmlib.grading.answer_key import AnswerKey, key_for_grading, known_key
from lmlib.grading.course import Assignment, Course
from lmlib.grading.errors import CourseError
from lmlib.grading.intake import Assembled, Unreadable
from lmlib.grading.ledger import Ledger
from lmlib.grading.notebooks import (
    compact_text,
    digest,
    is_check,
    is_test,
    notebook_text,
    write_text,
)
from lmlib.grading.record import Record, Verdict, attach, attach_seconds, attached
from lmlib.grading.workers import workers

Progress = Callable[[Record], None]


def new_record(assignment: str, student: str, submission: str, key: AnswerKey) -> Record:
    """The record of a submission that is still to be judged; `submission` is its digest."""
    return Record(
        assignment,
        student,
        "graded",
        submission=submission,
        key=key.digest,
        engine=versions.of_grades(),
    )


def assemble(assignment: Assignment, key: AnswerKey, text: str) -> Assembled:
    """The run notebook for the submitted `text`.  Raises Unreadable with the reason."""
    cells = intake.parse_submission(text, assignment.name)
    return intake.assemble(key.template, cells, assignment.packages)


def run_and_judge(
    assignment: Assignment,
    key: AnswerKey,
    notebook: NotebookNode,
    record: Record,
    files: dict[str, bytes],
) -> NotebookNode:
    """Run `notebook` with `files` beside it, judge its evidence, and leave the verdicts in it.

    The executed notebook carries the completed record, and in each grade cell's outputs the
    judge's words and the score as a number: nbgrader reads a last number as partial credit.
    """
    task = engine.Task(compact_text(notebook), assignment.cell_seconds, files, assignment.packages)
    began = time.monotonic()
    run = engine.run(task)
    executed = nbformat.reads(run.notebook, as_version=4)
    judged = judge.judge_run(key.cells, run) | held_back.judge(key, files, assignment.oracle)
    verdicts = {cell.grade_id: judged[cell.grade_id] for cell in key.cells}
    for cell in executed.cells:
        if is_test(cell):
            cell.outputs = _outputs(verdicts[cell.id])
        elif is_check(cell):
            cell.outputs = [_without_number(output) for output in cell.outputs]
    stopped = tuple(
        f"The cell {cell_id} {reason}."
        for cell_id, reason in run.stopped.items()
        if cell_id not in verdicts
    )
    notes = record.notes + stopped
    attach(dataclasses.replace(record, verdicts=tuple(verdicts.values()), notes=notes), executed)
    attach_seconds(time.monotonic() - began, executed)
    return executed


def _outputs(verdict: Verdict) -> list[NotebookNode]:
    words = "\n".join(verdict.words)
    told = new_output("stream", name="stdout", text=f"{words}\n")
    if verdict.is_extra:  # nbgrader takes no score of a cell without points: see the ledger
        return [told]
    score = new_output("execute_result", {"text/plain": f"{verdict.score:g}"}, execution_count=None)
    return [told, score]


def _without_number(output: NotebookNode) -> NotebookNode:
    """`output` of a visible check, as one that nbgrader does not read as a score."""
    if output.output_type != "execute_result":
        return output
    return new_output("display_data", output.data, metadata=output.metadata)


@dataclass(frozen=True)
class _Submission:
    """One student's hand-in of one assignment, read but not yet run."""

    student: str
    text: str = ""  # of the notebook
    files: dict[str, bytes] = field(default_factory=dict)  # those that the assignment accepts
    unreadable: str = ""  # why it cannot be graded

    @property
    def digest(self) -> str:
        """A digest of all that is graded."""
        return digest(self.text, *(part for item in sorted(self.files.items()) for part in item))


def _read(course: Course, assignment: Assignment, student: str) -> _Submission:
    folder = course.submitted(student, assignment.name)
    try:
        if folder.is_symlink() or folder.parent.is_symlink():
            raise Unreadable("the submission's folder is a link to another place")
        text = intake.read_submission(intake.find_notebook(folder, assignment.name))
        return _Submission(student, text, accepted_files(folder, assignment))
    except Unreadable as error:
        return _Submission(student, unreadable=str(error))


def accepted_files(folder: Path, assignment: Assignment) -> dict[str, bytes]:
    """The extra files in a submission's `folder` that course.toml accepts, by their names.

    Raises Unreadable for one that is not a regular file, or too large.
    """
    names = [name for name in assignment.files if (folder / name).exists()]
    return {name: intake.read_file(folder / name) for name in names}


def grade_submission(course: Course, assignment: str, key_digest: str, student: str) -> str:
    """The autograded notebook of one submission as JSON text, with its record in it.

    Whatever is wrong with the submission ends in a record that says so, never in an exception.
    """
    settings = course.assignment(assignment)
    key = known_key(course.key(assignment), assignment, key_digest)
    submission = _read(course, settings, student)
    record = new_record(assignment, student, submission.digest, key)
    try:
        if submission.unreadable:
            raise Unreadable(submission.unreadable)
        assembled = assemble(settings, key, submission.text)
        record = dataclasses.replace(record, notes=assembled.notes)
        graded = run_and_judge(settings, key, assembled.notebook, record, submission.files)
    except (Unreadable, CourseError) as error:
        graded = _failed(key, record, str(error).rstrip("."))
    except Exception as error:  # one submission must never end the batch
        # its type only: a message may quote the notebook that ran, hidden tests and all
        graded = _failed(key, record, f"grading it failed ({type(error).__name__})")
    return notebook_text(graded)


def _failed(key: AnswerKey, record: Record, reason: str) -> NotebookNode:
    """A notebook for people to grade by hand: the bare template, and the reason at its top."""
    notebook = nbformat.from_dict(key.template)
    text = f"**This submission could not be graded automatically:** {reason}."
    notebook.cells = [new_markdown_cell(text, id="reason"), *notebook.cells]
    attach(dataclasses.replace(record, status="failed", reason=reason), notebook)
    return notebook


def grade(
    course: Course,
    assignment: str,
    executor: Executor,
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
    engine.check_sandbox()
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
    course: Course, key: AnswerKey, executor: Executor, students: list[str]
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
        yield _graded_alone(course, key, name)


def _graded_alone(course: Course, key: AnswerKey, student: str) -> str:
    """The autograded notebook of one student, in a worker that only this one can end."""
    with workers(1) as executor:
        job = executor.submit(grade_submission, course, key.assignment, key.digest, student)
        try:
            return job.result()
        except BrokenExecutor:
            submission = _read(course, course.assignment(key.assignment), student)
            record = new_record(key.assignment, student, submission.digest, key)
            return notebook_text(_failed(key, record, "it ended the process that graded it"))


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
    entered = _record_at(_unfinished(path))
    before = _record_at(path)
    if entered is None and before is None:
        return None
    submission = _read(course, course.assignment(key.assignment), student)
    current = new_record(key.assignment, student, submission.digest, key)
    if entered is not None and _is_current(entered, current) and ledger.holds(entered):
        if before is None or not ledger.holds(before):  # it was entered, and then came the end
            _unfinished(path).replace(path)
            return entered
    is_done = before is not None and _is_current(before, current) and ledger.holds(before)
    return before if is_done else None


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


def _record_at(path: Path) -> Record | None:
    """The record in the autograded notebook at `path`, if there is one that can be read."""
    try:
        return attached(nbformat.from_dict(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, AttributeError):
        return None


def _keep(course: Course, ledger: Ledger, text: str) -> Record:
    """Enter a graded notebook into the gradebook, and give the file its name after that.

    So whatever ends this process, the file or its record tells what the gradebook holds.
    """
    notebook = nbformat.reads(text, as_version=4)
    record = attached(notebook)
    assert record is not None, "grade_submission attaches a record"
    path = course.autograded_notebook(record.student, record.assignment)
    before = _record_at(path)
    write_text(_unfinished(path), text)
    ledger.enter(record, notebook, before)
    _unfinished(path).replace(path)
    return record
