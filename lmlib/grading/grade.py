"""`lmlib grade`: every submission is graded, or failed with a reason; none can stop the batch."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from lmlib.grading import engine, evidence, intake, judge
from lmlib.grading.answer_key import AnswerKey, key_for_grading
from lmlib.grading.course import Assignment, Course
from lmlib.grading.intake import Assembled, Unreadable
from lmlib.grading.ledger import Ledger
from lmlib.grading.notebooks import digest, is_check, is_test, notebook_text, write_text
from lmlib.grading.record import Record, Verdict, attach, attached

Progress = Callable[[Record], None]


def new_record(assignment: str, student: str, submission: str, key: AnswerKey) -> Record:
    """The record of a submission that is still to be judged; `submission` is its digest."""
    return Record(assignment, student, "graded", submission=submission, key=key.digest)


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
    task = engine.Task(
        notebook_text(notebook), assignment.cell_seconds, files, assignment.packages
    )
    run = engine.run(task)
    executed = nbformat.reads(run.notebook, as_version=4)
    verdicts = judge.judge_run(key.cells, run)
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
    return executed


def _outputs(verdict: Verdict) -> list[NotebookNode]:
    words = "\n".join(verdict.words)
    score = new_output("execute_result", {"text/plain": f"{verdict.score:g}"}, execution_count=None)
    return [new_output("stream", name="stdout", text=f"{words}\n"), score]


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


def grade_submission(
    assignment: Assignment, key: AnswerKey, submission: _Submission
) -> NotebookNode:
    """The autograded notebook of `submission`, with its record attached.

    Whatever is wrong with the submission ends in a record that says so, never in an exception.
    """
    record = new_record(assignment.name, submission.student, submission.digest, key)
    try:
        if submission.unreadable:
            raise Unreadable(submission.unreadable)
        assembled = assemble(assignment, key, submission.text)
        record = dataclasses.replace(record, notes=assembled.notes)
        return run_and_judge(assignment, key, assembled.notebook, record, submission.files)
    except Unreadable as error:
        return _failed(key, record, str(error))
    except Exception as error:  # one submission must never end the batch
        # its type only: a message may quote the notebook that ran, hidden tests and all
        return _failed(key, record, f"grading it failed ({type(error).__name__})")


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
    student: str | None = None,
    force: bool = False,
    progress: Progress = lambda record: None,
) -> list[Record]:
    """Grade every submission of `assignment`, or one student's; their records, sorted by student.

    A submission that was graded with this key before is left as it is, unless `force`.

    Raises CourseError where nothing can be graded: an unknown assignment or student, no release,
    a key of another release, a gradebook that is locked or cannot be written.
    """
    known = course.assignment(assignment)
    key = key_for_grading(course, assignment)
    students = course.students(assignment, student)
    records = []
    for name in [name for name in students if not _is_text(name)]:
        students.remove(name)
        records.append(_nameless(assignment, name))
        progress(records[-1])
    with Ledger(course, assignment) as ledger:
        todo = []
        for submission in (_read(course, known, name) for name in students):
            done = None if force else _already_graded(course, key, submission)
            if done is not None and ledger.holds(done):
                records.append(done)
                progress(done)
            else:
                todo.append(submission)
        jobs = [executor.submit(grade_submission, known, key, one) for one in todo]
        with _cancelled_on_error(jobs):
            for job in as_completed(jobs):
                records.append(_keep(course, ledger, job.result()))
                progress(records[-1])
    return sorted(records, key=lambda record: record.student)


def _is_text(name: str) -> bool:
    """Whether a folder's name can be written anywhere; on Linux it may be any bytes."""
    return evidence.sendable(name) == name


def _nameless(assignment: str, name: str) -> Record:
    shown = evidence.sendable(name)
    return Record(
        assignment, shown, "failed", f"the folder submitted/{shown} needs a name in UTF-8"
    )


@contextlib.contextmanager
def _cancelled_on_error(jobs: list[Future[NotebookNode]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for job in jobs:
            job.cancel()
        raise


def _already_graded(course: Course, key: AnswerKey, submission: _Submission) -> Record | None:
    record = _record_at(course.autograded_notebook(submission.student, key.assignment))
    if record is None or record.submission != submission.digest or record.key != key.digest:
        return None
    return record if record.status == "graded" else None


def _record_at(path: Path) -> Record | None:
    """The record in the autograded notebook at `path`, if there is one that can be read."""
    try:
        return attached(nbformat.from_dict(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, AttributeError):
        return None


def _keep(course: Course, ledger: Ledger, notebook: NotebookNode) -> Record:
    """Enter a graded notebook into the gradebook, then write it: the file completes it."""
    record = attached(notebook)
    assert record is not None, "grade_submission attaches a record"
    path = course.autograded_notebook(record.student, record.assignment)
    before = _record_at(path)
    ledger.enter(record, notebook, before is None or before.submission != record.submission)
    write_text(path, notebook_text(notebook))
    return record
