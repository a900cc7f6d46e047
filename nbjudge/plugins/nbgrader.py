"""nbgrader plug-ins, and the one function that registers them.

`nbgrader autograde` runs `Intake` instead of nbgrader's own sanitizing and `Execute` instead of
its execution; the rest of nbgrader reads the scores from the outputs that the judge leaves, as it
always does.
"""

import dataclasses
import html
import json
from pathlib import Path
from typing import Any

import jinja2
import nbgrader
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from traitlets import Bool, Enum, default
from traitlets.config import Config

import nbjudge.pages
from nbjudge.authoring import release_steps
from nbjudge.core.course import Course, find_course, unit
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest
from nbjudge.core.notebooks import METADATA_KEY, grade_id, is_task, region, without_region
from nbjudge.gradebook import lateness, ledger, penalties
from nbjudge.gradebook.connection import create
from nbjudge.judge import submission
from nbjudge.judge.answer_key import key_for_grading
from nbjudge.judge.verdicts import attach, attached
from nbjudge.pages.blanks import blank_tasks
from nbjudge.pages.pictures import Album
from nbjudge.plugins import nbgrader_files, nbgrader_lms
from nbjudge.sandbox.isolation import Isolation
from nbjudge.shared.markup import prose
from nbjudge.workflow import feedback

Resources = dict[str, Any]


class Intake(NbGraderPreprocessor):
    """Rebuilds the run notebook from the key's template and the submission's cells."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, assignment = _place(resources)
        key = key_for_grading(course, assignment)
        text = json.dumps(nb)
        settings = course.assignment(assignment)
        assembled = submission.assemble(settings, key, text)
        student = resources["nbgrader"]["student"]
        record = submission.new_record(settings, student, digest(text), key.digest)
        attach(dataclasses.replace(record, notes=assembled.notes), assembled.notebook)
        return assembled.notebook, resources


class Execute(NbGraderPreprocessor):
    """Runs and judges the notebook, and leaves the scores in the outputs that nbgrader reads."""

    sandbox = Enum(
        ("auto", "bwrap", "none"),
        "auto",
        help="auto and bwrap: in the sandbox or not at all; none: with your own rights",
    ).tag(config=True)
    warm = Bool(True, help="fork kernels from a process that stays").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, assignment = _place(resources)
        key = key_for_grading(course, assignment)
        record = attached(nb)
        if record is None:
            raise CourseError("The notebook did not pass nbjudge's intake; see nbgrader_config.py.")
        settings = course.assignment(assignment)
        folder = course.submitted(record.student, assignment)
        files = submission.accepted_files(folder, settings)
        isolation = Isolation(self.sandbox, self.warm)
        return submission.run_and_judge(settings, key, nb, record, files, isolation), resources


class EnterExtraCredit(NbGraderPreprocessor):
    """Enters extra credit and what waits, after nbgrader has entered the other points."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        record = attached(nb)
        assert record is not None
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            ledger.enter_waiting(gradebook, record)
            ledger.enter_extra_credit(gradebook, record)
        return nb, resources


class EnterTimes(NbGraderPreprocessor):
    """Enters due date, extension and time of submission, before the penalty is computed."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        course, assignment = _place(resources)
        create(course)
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            lateness.enter_times(course, gradebook, assignment, resources["nbgrader"]["student"])
            gradebook.db.commit()
        return nb, resources


class LateDays(LateSubmissionPlugin):
    """Takes a share of the points for each late day that no free one covers."""

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """The points that a submission of `score` points loses; None if it loses none."""
        config = self.parent.config.CourseDirectory
        course = find_course(Path(config.root if "root" in config else "."))
        late = lateness.lateness(course, student_id, self.parent.assignment_id)
        return late.share * score if late.share else None


AUTOGRADE_PREPROCESSORS = [
    Execute,
    SaveAutoGrades,
    EnterExtraCredit,
    EnterTimes,
    AssignLatePenalties,
    CheckCellMetadata,
]
"""What `nbgrader autograde` does to a notebook that `Intake` has let in."""


class FeedbackPage(nbgrader_files.OnlyTheExchanges):
    """Makes the page of `nbjudge feedback` instead of nbgrader's own."""

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def converted(
        self, filename: str, resources: Resources | None, **_: Any
    ) -> tuple[str, Resources]:
        assert resources is not None, "nbgrader says which submission it is"
        course, assignment = _place(resources)
        student = resources["nbgrader"]["student"]
        penalties.refresh(course, assignment, [student])
        page = feedback.page(course, assignment, student)
        return page, {**resources, "output_extension": self.file_extension}


FORMGRADER_TEMPLATES = [
    str(Path(nbjudge.pages.__file__).parent / "html" / "formgrader"),
    str(Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"),
]
"""Folders for the formgrader's page of a submission; the first with a template wins."""


@jinja2.pass_context
def safe_markdown(context: jinja2.runtime.Context, source: str) -> str:
    """A Markdown cell for the formgrader's pages, safe even if a student wrote it.

    It replaces nbconvert's filter `markdown2html`, which lets scripts through.  A task's
    mark scheme is set apart from its question.
    """
    cell = context.get("cell") or NotebookNode(metadata={})
    picture = Album().attached(cell.get("attachments", {}))
    scheme = region(source, "MARK SCHEME") if is_task(cell) else None
    blank = ""
    if is_task(cell) and cell.metadata.get(METADATA_KEY, {}).get("blank"):
        blank = BLANK.format(html.escape(grade_id(cell) or ""))
    if scheme is None:
        return blank + prose(source, picture)
    question = prose(without_region(source, "MARK SCHEME"), picture)
    return blank + question + MARK_SCHEME.format(prose(scheme, picture))


class MarkBlankAnswers(NbGraderPreprocessor):
    """Tells the formgrader's page which written tasks were left blank."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        record = attached(nb)
        if record is not None and record.status == "graded":
            for cell in nb.cells:
                if is_task(cell) and grade_id(cell) in blank_tasks(nb):
                    cell.metadata.setdefault(METADATA_KEY, {})["blank"] = True
        return nb, resources


BLANK = '<span data-blank-answer="{}"></span>'
"""What the page's script reads, in a task with nothing written below it."""

MARK_SCHEME = """
<div class="mark-scheme" style="border-left: 4px solid #f0ad4e; padding: 0.5em 1em">
<p><strong>Mark scheme</strong></p>
{}</div>
"""


def _place(resources: Resources) -> tuple[Course, str]:
    """The course and the assignment that nbgrader is working on; it runs in the course folder."""
    known = resources["nbgrader"]
    return find_course(Path.cwd()), unit(
        known["assignment"], known.get("notebook") or known["assignment"]
    )


def wire(config: Config) -> None:
    """Make nbgrader release, grade, and give feedback with nbjudge.

    `nbgrader_config.py` calls it with what `get_config()` gives; settings made after it win.
    """
    config.GenerateAssignment.preprocessors = release_steps.GENERATE_PREPROCESSORS
    config.GenerateAssignment.exporter_class = nbgrader_files.SentencesNotebook
    config.GenerateSolution.preprocessors = release_steps.SOLUTION_PREPROCESSORS
    # nbgrader copies a student's files before anything else looks at them; here intake brings the
    # few that an assignment accepts.
    config.Autograde.exporter_class = nbgrader_files.AutogradedNotebook
    config.Autograde.sanitize_preprocessors = [Intake]
    config.Autograde.autograde_preprocessors = AUTOGRADE_PREPROCESSORS
    config.GenerateFeedback.exporter_class = FeedbackPage
    if "release_feedback" not in config.ExchangeFactory:  # the course may have its own exchange
        config.ExchangeFactory.release_feedback = nbgrader_files.ReleaseFeedback
    # Late days, extensions and penalties are in course.toml.
    if "plugin_class" not in config.AssignLatePenalties:  # a course may have its own rule
        config.AssignLatePenalties.plugin_class = LateDays
    # What students wrote and what their code showed cannot act as the grader who looks at it.
    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.filters = {"markdown2html": safe_markdown}
    config.HTMLExporter.preprocessors = [MarkBlankAnswers]
    config.HTMLExporter.extra_template_basedirs = FORMGRADER_TEMPLATES
    # `nbgrader zip_collect` knows the downloads of learning management systems.
    config.ZipCollectApp.extractor_plugin = nbgrader_lms.LmsExtractor
    config.ZipCollectApp.collector_plugin = nbgrader_lms.LmsCollector
