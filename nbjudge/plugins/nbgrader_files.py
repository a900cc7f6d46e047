"""Files around the notebooks that nbgrader converts and exchanges.

nbgrader copies everything that a student has handed in next to the autograded notebook, and from
there next to the feedback. Here only the exchange's own two files go that way.
"""

import glob
import re
import shutil
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import Exporter
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeReleaseFeedback

from nbjudge.core import exchange
from nbjudge.core.errors import CourseError

Resources = dict[str, Any]


class Sentences(Exporter):
    """An exporter whose refusals are sentences; nbgrader prints a traceback for any exception."""

    def from_filename(
        self, filename: str, resources: Resources | None = None, **settings: Any
    ) -> tuple[Any, Resources]:
        try:
            return self.converted(filename, resources, **settings)
        except CourseError as error:
            if not isinstance(self.parent, BaseConverter):
                raise
            self.log.error("%s", error)
            shutil.rmtree(self._destination(resources), ignore_errors=True)  # as nbgrader does
            raise SystemExit(1) from None

    def converted(
        self, filename: str, resources: Resources | None, **settings: Any
    ) -> tuple[Any, Resources]:
        """What the notebook becomes; may raise CourseError."""
        return super().from_filename(filename, resources, **settings)

    def _destination(self, resources: Resources | None) -> Path:
        """The folder that nbgrader converts this notebook into."""
        assert isinstance(self.parent, BaseConverter) and resources is not None
        known = resources["nbgrader"]
        return Path(self.parent._format_dest(known["assignment"], known["student"]))


class OnlyTheExchanges(Sentences):
    """An exporter whose converter copies no file but the exchange's, whoever has put it there."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if isinstance(self.parent, BaseConverter):  # it asks for files after it has made this
            self.parent.coursedir = _copying_nothing(self.parent.coursedir)

    def from_filename(
        self, filename: str, resources: Resources | None = None, **settings: Any
    ) -> tuple[Any, Resources]:
        if isinstance(self.parent, BaseConverter):
            destination = self._destination(resources)
            if Path(filename).parent != destination:
                exchange.carry(Path(filename).parent, destination)
        return super().from_filename(filename, resources, **settings)


class SentencesNotebook(Sentences, NotebookExporter):
    """Writes a released notebook."""


class AutogradedNotebook(OnlyTheExchanges, NotebookExporter):
    """Writes an autograded notebook."""


def _copying_nothing(course: CourseDirectory) -> CourseDirectory:
    """The same course for one converter; `course` itself also serves the exchange."""
    same = {name: getattr(course, name) for name in course.trait_names(config=True)}
    return CourseDirectory(parent=course.parent, **{**same, "ignore": ["*", ".*"]})


class ReleaseFeedback(ExchangeReleaseFeedback):
    """Releases feedback on what came by the exchange, and names those whose it cannot release."""

    def copy_files(self) -> None:
        """Copy the pages into the exchange."""
        excluded = self.coursedir.student_id_exclude
        without = sorted(self._without_secret() - set(excluded.split(",")))
        self.coursedir.student_id_exclude = ",".join([excluded, *without])
        try:
            super().copy_files()
        finally:
            self.coursedir.student_id_exclude = excluded
        if without:
            self.fail(
                f"The feedback of {', '.join(without)} was not released: their submissions did "
                "not come by nbgrader's exchange, or their feedback was written before this "
                "version; write it again, or give it back with `nbjudge return`."
            )

    def _without_secret(self) -> set[str]:
        """The students with a page that the exchange has no place for."""
        pages = self.coursedir.format_path(
            self.coursedir.feedback_directory,
            "(?P<student>.*)",
            self.coursedir.assignment_id,
            escape=True,
        )
        folders = {page.parent for page in map(Path, glob.glob(f"{self.src_path}/*.html"))}
        found = {folder: re.match(pages, str(folder)) for folder in folders}
        return {
            match["student"]
            for folder, match in found.items()
            if match and not exchange.has_secret(folder)
        }
