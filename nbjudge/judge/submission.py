"""Grading of one submission: it is read as data, run, and judged, or fails with a reason.

Nothing here knows about a gradebook or a class, so it works anywhere with the answer key.
"""

import dataclasses
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from nbjudge.core import code_digests, exchange
from nbjudge.core.course import Assignment, notebook_of
from nbjudge.core.errors import CourseError
from nbjudge.core.files import NOT_KEPT, ORIGIN, digest
from nbjudge.core.notebooks import compact_text, is_check, is_test
from nbjudge.core.times import TIMESTAMP
from nbjudge.judge import intake, intake_asserts
from nbjudge.judge.answer_key import AnswerKey
from nbjudge.judge.intake import Assembled, Notebook, Unreadable
from nbjudge.judge.verdicts import Record, Verdict, attach, attach_seconds

if TYPE_CHECKING:  # whoever only reads submissions does not pay for the sandbox
    from nbjudge.sandbox.engine import Run
    from nbjudge.sandbox.isolation import Isolation


def new_record(assignment: Assignment, student: str, submission: str, key: str) -> Record:
    """The record of a submission that is yet to be judged.

    submission: the digest of the submission
    key:        the digest of the answer key
    """
    return Record(
        assignment.name,
        student,
        "graded",
        submission=submission,
        key=key,
        engine=code_digests.of_grades(assignment.library, assignment.scorer),
    )


def assemble(assignment: Assignment, key: AnswerKey, text: str) -> Assembled:
    """The run notebook for the submitted `text`.  Raises Unreadable with the reason."""
    cells = intake.parse_submission(text, assignment.name, assignment.limits)
    if assignment.has_asserts:
        return intake_asserts.assemble(key.template, cells)
    return intake.assemble(key.template, cells, assignment.packages)


def assemble_one(
    assignment: Assignment, key: AnswerKey, notebooks: tuple[Notebook, ...]
) -> Assembled:
    """The run notebook for the one of the `notebooks` that has the student's work in it.

    Raises Unreadable if none can be graded, or if it cannot be known which one is meant.
    """
    if len(notebooks) == 1:
        return assemble(assignment, key, notebooks[0].text)
    made: dict[str, Assembled] = {}
    strangers: dict[str, str] = {}
    for one in notebooks:
        try:
            if one.unreadable:
                raise Unreadable(one.unreadable)
            made[one.name] = assemble(assignment, key, one.text)
        except intake.Stranger as error:
            strangers[one.name] = str(error)
        except Unreadable as error:
            names = _listed(other.name for other in notebooks)
            raise Unreadable(
                f"there are {len(notebooks)} notebooks, {names}, and not all can be read: {error}"
            ) from error
    if not made:
        raise Unreadable(next(iter(strangers.values())))
    chosen, why = _chosen(made)
    names = _listed(one.name for one in notebooks)
    note = f"There are {len(notebooks)} notebooks, {names}: {chosen} was graded, because {why}."
    return dataclasses.replace(made[chosen], notes=(note, *made[chosen].notes))


def _chosen(made: dict[str, Assembled]) -> tuple[str, str]:
    """The name of the notebook to grade, and why.  Raises Unreadable if that would be a guess."""
    with_work = [name for name, one in made.items() if one.work]
    if len({made[name].work for name in with_work}) > 1:
        raise Unreadable(
            f"there are {len(with_work)} notebooks with different work in them, "
            f"{_listed(with_work)}: submit only the one that counts"
        )
    if len(with_work) == 1:
        return with_work[0], "it is the only one with work in it"
    if with_work:
        return with_work[0], "all hold the same work"
    return next(iter(made)), "none has work in it"


def _listed(names: Iterable[str]) -> str:
    return " and ".join(names)


def run_and_judge(
    assignment: Assignment,
    key: AnswerKey,
    notebook: NotebookNode,
    record: Record,
    files: dict[str, bytes],
    isolation: "Isolation",
) -> NotebookNode:
    """Run `notebook` with `files` next to it, judge its evidence, and leave the verdicts in it.

    The executed notebook contains the completed record and, in each grade cell's outputs, the
    judge's words and the score as a number: nbgrader reads a final number as partial credit.
    """
    began = time.monotonic()
    run = run_assembled(assignment, key, notebook, files, isolation)
    executed = nbformat.reads(run.notebook, as_version=4)
    intake_asserts.without_helpers(executed)
    verdicts = verdicts_on(key, run, files)
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


def run_assembled(
    assignment: Assignment,
    key: AnswerKey,
    notebook: NotebookNode,
    files: dict[str, bytes],
    isolation: "Isolation",
) -> "Run":
    """Run an assembled `notebook` within the limits of `assignment`.

    The course's own files are next to it, and the student's `files`.
    """
    from nbjudge.sandbox import engine  # code that only reads submissions does not need it

    task = engine.Task(
        compact_text(notebook),
        assignment.limits,
        files | key.files,
        assignment.packages,
        assignment.library,
        environment=dict(assignment.environment),
    )
    return engine.run(task, isolation)


def verdicts_on(key: AnswerKey, run: "Run", files: dict[str, bytes]) -> dict[str, Verdict]:
    """The verdict on every grade cell of `key`, by grade_id, in the order of the key."""
    from nbjudge.judge import judge

    judged = judge.judge_run(key.cells, run) | judge.judge_files(key, files)
    return {cell.grade_id: judged[cell.grade_id] for cell in key.cells}


def _outputs(verdict: Verdict) -> list[NotebookNode]:
    words = "\n".join(verdict.words)
    told = new_output("stream", name="stdout", text=f"{words}\n")
    if verdict.is_extra:  # nbgrader reads no score from a cell without points: see the ledger
        return [told]
    number = repr(verdict.score) if verdict.by_asserts else f"{verdict.score:g}"
    score = new_output("execute_result", {"text/plain": number}, execution_count=None)
    return [told, score]


def _without_number(output: NotebookNode) -> NotebookNode:
    """`output` of a visible check, changed so that nbgrader does not read it as a score."""
    if output.output_type != "execute_result":
        return output
    return new_output("display_data", output.data, metadata=output.metadata)


@dataclass(frozen=True)
class Submission:
    """One student's submission of one assignment, read but not yet run."""

    student: str
    notebooks: tuple[Notebook, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)  # those that the assignment accepts
    unreadable: str = ""  # why it cannot be graded

    @property
    def digest(self) -> str:
        """A digest of everything that is graded, or of the reason why it cannot be."""
        reason = [self.unreadable] if self.unreadable else []
        notebooks = (part for one in self.notebooks for part in (one.text, one.unreadable))
        files = (part for item in sorted(self.files.items()) for part in item)
        return digest(*notebooks, *reason, *files)


def read(assignment: Assignment, student: str, folder: Path) -> Submission:
    """The submission of `assignment` by `student`, in `folder`."""
    try:
        if folder.is_symlink() or folder.parent.is_symlink():
            raise Unreadable("the submission's folder is a link to another place")
        notebooks = intake.read_notebooks(
            folder, notebook_of(assignment.name), assignment.limits, assignment.siblings
        )
        return Submission(student, notebooks, accepted_files(folder, assignment))
    except Unreadable as error:
        return Submission(student, unreadable=str(error))
    except OSError as error:
        return Submission(student, unreadable=intake.why_closed(error))


def accepted_files(folder: Path, assignment: Assignment) -> dict[str, bytes]:
    """The extra files in a submission's `folder` that course.toml accepts, by their names.

    Raises Unreadable for one that is not a regular file, or is too large.
    """
    refused = intake.not_kept(folder)
    if reason := next((refused[name] for name in assignment.files if name in refused), ""):
        raise Unreadable(reason)
    names = [name for name in assignment.files if (folder / name).exists()]
    if assignment.has_asserts:
        names = _everything(folder)
    most = assignment.limits.submission_bytes
    return {name: intake.read_file(folder / name, most) for name in names}


MOST_FILES = 200  # of one submission that go with a notebook of asserts


def _everything(folder: Path) -> list[str]:
    """The files that nbgrader would put next to a notebook of asserts, by their paths."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    names = [path.relative_to(folder) for path in found]
    return [
        name.as_posix()
        for name in names
        if name.suffix != ".ipynb"
        and name.name not in NOT_THEIRS
        and not any(part.startswith(".") for part in name.parts)
    ][:MOST_FILES]


NOT_THEIRS = (TIMESTAMP, exchange.SECRET, ORIGIN, NOT_KEPT)


def assemble_submission(
    assignment: Assignment, key: AnswerKey, submission: Submission
) -> Assembled:
    """The run notebook of a submission.  Raises Unreadable with the reason if there is none."""
    if submission.unreadable:
        raise Unreadable(submission.unreadable)
    return assemble_one(assignment, key, submission.notebooks)


def grade_folder(
    assignment: Assignment, key: AnswerKey, student: str, folder: Path, isolation: "Isolation"
) -> NotebookNode:
    """The autograded notebook of the submission by `student` in `folder`, with its record in it.

    A problem with the submission leads to a record that says so, never to an exception.
    """
    return grade_submission(assignment, key, read(assignment, student, folder), isolation)


def grade_submission(
    assignment: Assignment, key: AnswerKey, submission: Submission, isolation: "Isolation"
) -> NotebookNode:
    """The autograded notebook of a submission; see `grade_folder`."""
    record = new_record(assignment, submission.student, submission.digest, key.digest)
    try:
        assembled = assemble_submission(assignment, key, submission)
        record = dataclasses.replace(record, notes=assembled.notes)
        return run_and_judge(
            assignment, key, assembled.notebook, record, submission.files, isolation
        )
    except Unreadable as error:
        return failed(key, dataclasses.replace(record, is_final=True), str(error).rstrip("."))
    except CourseError as error:
        return failed(key, record, str(error).rstrip("."))
    except Exception as error:  # one submission must never stop the batch
        # its type only: a message may quote the notebook that ran, hidden tests and all
        return failed(key, record, f"grading it failed ({type(error).__name__})")


def failed(key: AnswerKey, record: Record, reason: str) -> NotebookNode:
    """A notebook for manual grading: the bare template, with the reason at the top."""
    notebook = nbformat.from_dict(key.template)
    text = f"**This submission could not be graded automatically:** {reason}."
    notebook.cells = [new_markdown_cell(text, id="reason"), *notebook.cells]
    attach(dataclasses.replace(record, status="failed", reason=reason), notebook)
    return notebook
