"""Steps from a source notebook to its template and its release: nbgrader's preprocessors.

`RemoveKey` runs before nbgrader saves a cell, so that no KEY region is ever in the gradebook or in
a release.
"""

import contextlib
import copy
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    Execute,
    IncludeHeaderFooter,
    LockCells,
    NbGraderPreprocessor,
    SaveCells,
)
from traitlets.config import Config

from nbjudge.authoring import release, source_rules
from nbjudge.core.course import Course, assignment_of, find_course, notebook_of, unit
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import INSTALL_ID, METADATA_KEY, without_region, without_wheel
from nbjudge.gradebook.connection import create, gradebook_errors
from nbjudge.gradebook.nbgrader_config import load_config

Resources = dict[str, Any]


def _course(config: Config) -> Course:
    """The course that nbgrader works on.  Raises CourseError."""
    settings = config.CourseDirectory
    return find_course(Path(settings.root if "root" in settings else "."))


def _install_cell(config: Config, resources: Resources) -> str:
    """The source of the cell that installs the course's library; empty if it has none."""
    course = _course(config)
    if not course.library:
        return ""
    return release.install_cell(course, resources["nbgrader"]["assignment"])


class CheckFolder(NbGraderPreprocessor):
    """Refuses a source folder with files that students may not see; nbgrader copies them all."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, known = _course(self.config), resources["nbgrader"]
        name = unit(known["assignment"], known["notebook"])
        if not course.assignment(name).has_asserts:
            source_rules.check_folder(course, name)
        return nb, resources


class AddInstallCell(NbGraderPreprocessor):
    """Puts the cell that installs the course's library before all others.

    In the template, which is what is graded, it asks for no wheel.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        source = _install_cell(self.config, resources)
        if not source:
            return nb, resources
        cell = new_code_cell(without_wheel(source), id=INSTALL_ID)
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


class NameWheel(NbGraderPreprocessor):
    """Has the installing cell of a release ask for the library's wheel."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        for cell in nb.cells:
            if cell.get("id") == INSTALL_ID:
                cell.source = _install_cell(self.config, resources)
        return nb, resources


class RemoveKey(NbGraderPreprocessor):
    """Removes KEY regions, and writes the assignment's name into the notebook."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        for cell in nb.cells:
            if "BEGIN KEY" in cell.source:
                cell.source = without_region(cell.source, "KEY")
        known = resources["nbgrader"]
        nb.metadata[METADATA_KEY] = {"assignment": unit(known["assignment"], known["notebook"])}
        return nb, resources


TO_TEMPLATE = [
    IncludeHeaderFooter,
    AddInstallCell,
    RemoveKey,
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
]
TO_RELEASE = [NameWheel, ClearHiddenTests, ClearMarkScheme, ComputeChecksums, CheckCellMetadata]
GENERATE_PREPROCESSORS = [CheckFolder, *TO_TEMPLATE, SaveCells, *TO_RELEASE]
"""What `nbgrader generate_assignment` does to a source notebook, in order."""

SOLUTION_PREPROCESSORS = [
    IncludeHeaderFooter,
    RemoveKey,
    LockCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    CheckCellMetadata,
    Execute,
]
"""What `nbgrader generate_solution` does to it: what is left may be shown to students."""


def template_and_release(
    course: Course, assignment: str, source: NotebookNode
) -> tuple[NotebookNode, NotebookNode]:
    """The template and the release that nbgrader makes of `source`; nothing is written.

    Raises CourseError if nbgrader refuses the notebook.
    """
    config = load_config(course)
    names = {"assignment": assignment_of(assignment), "notebook": notebook_of(assignment)}
    resources: Resources = {"nbgrader": names}
    try:
        with contextlib.chdir(course.root):  # nbgrader reads a header from there
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

    Raises CourseError if nbgrader refuses or the gradebook cannot be written.
    """
    with gradebook_errors(course):
        create(course)
    config = load_config(course)
    directory = CourseDirectory(config=config)
    directory.assignment_id = assignment_of(assignment)
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
    """Restore `folder` if its replacement fails: nbgrader deletes it first."""
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
    """Remembers what nbgrader logs as an error, to report it in a sentence."""

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
