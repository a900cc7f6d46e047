"""The pieces of the course that nbgrader runs: named in nbgrader_config.py, used by `lmlib` too.

`nbgrader generate_assignment` runs `RemoveKey` first, so that no KEY region is ever saved in the
gradebook or released.  `nbgrader autograde` runs `Intake` in place of nbgrader's own sanitising
and `Execute` in place of its execution; the rest of nbgrader reads the scores from the outputs
that the judge leaves, as it always does.
"""

import contextlib
import copy
import dataclasses
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import nbgrader
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
    NbGraderPreprocessor,
    SaveAutoGrades,
    SaveCells,
)
from traitlets import default
from traitlets.config import Config

from lmlib.grading import handback, late, ledger, release, submission
from lmlib.grading.answer_key import key_for_grading
from lmlib.grading.course import Course, find_course
from lmlib.grading.errors import CourseError
from lmlib.grading.markup import prose
from lmlib.grading.notebooks import digest, is_task, region, without_region
from lmlib.grading.pictures import Album
from lmlib.grading.record import METADATA_KEY, attach, attached
from lmlib.grading.wiring import find_alembic, load_config

Resources = dict[str, Any]

INSTALL_ID = "install_lmlib"
"""The id of the cell that every release begins with."""


class AddInstallCell(NbGraderPreprocessor):
    """Puts the cell that installs lmlib before all others."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        settings = self.config.CourseDirectory
        course = find_course(Path(settings.root if "root" in settings else "."))
        assignment = resources["nbgrader"]["assignment"]
        cell = new_code_cell(release.install_cell(course, assignment, nb.cells), id=INSTALL_ID)
        cell.metadata["nbgrader"] = {
            "grade": False,
            "grade_id": INSTALL_ID,
            "locked": True,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }
        nb.cells.insert(0, cell)
        return nb, resources


class RemoveKey(NbGraderPreprocessor):
    """Removes KEY regions, and writes into the notebook which assignment it is of."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        for cell in nb.cells:
            cell.source = without_region(cell.source, "KEY")
        nb.metadata[METADATA_KEY] = {"assignment": resources["nbgrader"]["assignment"]}
        return nb, resources


TO_TEMPLATE = [
    AddInstallCell,
    RemoveKey,
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
]
TO_RELEASE = [ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata]
GENERATE_PREPROCESSORS = [*TO_TEMPLATE, SaveCells, *TO_RELEASE]
"""What `nbgrader generate_assignment` does to a source notebook, in order."""


class Intake(NbGraderPreprocessor):
    """Rebuilds the run notebook from the key's template and the submission's cells."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, assignment = _place(resources)
        key = key_for_grading(course, assignment)
        text = json.dumps(nb)
        assembled = submission.assemble(course.assignment(assignment), key, text)
        student = resources["nbgrader"]["student"]
        record = submission.new_record(assignment, student, digest(text), key)
        attach(dataclasses.replace(record, notes=assembled.notes), assembled.notebook)
        return assembled.notebook, resources


class Execute(NbGraderPreprocessor):
    """Runs the notebook, has it judged, and leaves scores where nbgrader looks for them."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, assignment = _place(resources)
        key = key_for_grading(course, assignment)
        record = attached(nb)
        if record is None:
            raise CourseError("The notebook did not pass lmlib's intake; see nbgrader_config.py.")
        settings = course.assignment(assignment)
        folder = course.submitted(record.student, assignment)
        files = submission.accepted_files(folder, settings)
        return submission.run_and_judge(settings, key, nb, record, files), resources


class EnterExtraCredit(NbGraderPreprocessor):
    """Enters what the judge gave for cells of no points, once nbgrader has entered the others."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        record = attached(nb)
        assert record is not None
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            ledger.enter_extra_credit(gradebook, record)
        return nb, resources


class EnterTimes(NbGraderPreprocessor):
    """Enters due date, extension and time of handing in, before the penalty is asked for."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, assignment = _place(resources)
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            late.enter_times(course, gradebook, assignment, resources["nbgrader"]["student"])
            gradebook.db.commit()
        return nb, resources


AUTOGRADE_PREPROCESSORS = [
    Execute,
    SaveAutoGrades,
    EnterExtraCredit,
    EnterTimes,
    AssignLatePenalties,
    CheckCellMetadata,
]
"""What `nbgrader autograde` does to a notebook that `Intake` has let in."""


class FeedbackPage(Exporter):
    """Makes the page of `lmlib feedback` where nbgrader would make one of its own."""

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_filename(  # type: ignore[override]  # nbconvert's HTML exporter gives text too
        self, filename: str, resources: Resources | None = None, **_: Any
    ) -> tuple[str, Resources]:
        assert resources is not None, "nbgrader says which submission it is"
        course, assignment = _place(resources)
        page = handback.page(course, assignment, resources["nbgrader"]["student"])
        return page, {**resources, "output_extension": self.file_extension}


FORMGRADER_TEMPLATES = [
    str(Path(__file__).parent / "templates" / "formgrader"),
    str(Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"),
]
"""Where the formgrader's page of a submission comes from: what stands first is taken first."""


@jinja2.pass_context
def safe_markdown(context: jinja2.runtime.Context, source: str) -> str:
    """A Markdown cell for the formgrader's pages, where a student's markup could act as a grader.

    It takes the place of nbconvert's filter `markdown2html`, which lets scripts through.  A task's
    mark scheme is set apart from its question.
    """
    cell = context.get("cell") or NotebookNode(metadata={})
    picture = Album().attached(cell.get("attachments", {}))
    scheme = region(source, "MARK SCHEME") if is_task(cell) else None
    if scheme is None:
        return prose(source, picture)
    question = prose(without_region(source, "MARK SCHEME"), picture)
    return question + MARK_SCHEME.format(prose(scheme, picture))


MARK_SCHEME = """
<div class="mark-scheme" style="border-left: 4px solid #f0ad4e; padding: 0.5em 1em">
<p><strong>Mark scheme</strong></p>
{}</div>
"""


def _place(resources: Resources) -> tuple[Course, str]:
    """The course and the assignment that nbgrader is working on; it runs in the course folder."""
    return find_course(Path.cwd()), resources["nbgrader"]["assignment"]


def template_and_release(
    course: Course, assignment: str, source: NotebookNode
) -> tuple[NotebookNode, NotebookNode]:
    """The template and the release that nbgrader makes of `source`; nothing is written.

    Raises CourseError where nbgrader refuses the notebook.
    """
    config = load_config(course)
    resources: Resources = {"nbgrader": {"assignment": assignment, "notebook": assignment}}
    try:
        template = _apply(TO_TEMPLATE, source, resources, config)
        return template, _apply(TO_RELEASE, template, resources, config)
    except Exception as error:  # nbgrader raises RuntimeError, ValidationError and its own
        raise CourseError(f"nbgrader refuses {assignment}: {error}") from error


def _apply(
    preprocessors: list[Any], notebook: NotebookNode, resources: Resources, config: Config
) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    for kind in preprocessors:
        notebook, resources = kind(config=config).preprocess(notebook, resources)
    return notebook


def generate_release(course: Course, assignment: str) -> None:
    """Have nbgrader write release/<assignment> and save its cells in the gradebook.

    Raises CourseError where nbgrader refuses or the gradebook cannot be written.
    """
    find_alembic()
    config = load_config(course)
    directory = CourseDirectory(config=config)
    directory.assignment_id = assignment
    converter = GenerateAssignment(coursedir=directory, config=config)
    converter.force = True
    complaints = _Complaints()
    converter.log.addHandler(complaints)
    try:
        with _kept_on_failure(course.release(assignment).parent):
            converter.start()
    except (NbGraderException, OSError) as error:
        raise CourseError(
            f"nbgrader could not release {assignment}: {complaints.reason() or error}"
        ) from error
    finally:
        converter.log.removeHandler(complaints)


@contextlib.contextmanager
def _kept_on_failure(folder: Path) -> Iterator[None]:
    """Put `folder` back as it was if what replaces it fails: nbgrader deletes it first."""
    aside = folder.with_name(f".{folder.name}.before")
    if aside.exists():  # an earlier build was killed between the two
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists():
        folder.rename(aside)
    try:
        yield
    except BaseException:
        if aside.exists():
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


class _Complaints(logging.Handler):
    """Remembers what nbgrader logs as an error, to tell it in a sentence."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def reason(self) -> str:
        for message in self.messages:
            if "database is locked" in message:
                return "the gradebook is locked by another program; close it and try again."
            if "Traceback" in message:
                return message.strip().splitlines()[-1]
        return ""
