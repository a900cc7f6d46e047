"""`nbjudge collect` and `nbjudge grades` as plug-ins of nbgrader.

`nbgrader zip_collect` and `nbgrader export` call these, and they call the same functions.
"""

import shutil
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin, ExtractorPlugin, FileNameCollectorPlugin
from traitlets import Bool

from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import penalties
from nbjudge.lms import collect, collected, counting
from nbjudge.workflow import grades


def _course(app: Any) -> Course:
    """The course that the nbgrader program `app` works on.  Raises CourseError."""
    return find_course(Path(app.coursedir.root))


class LmsExtractor(ExtractorPlugin):
    """Puts the submission that counts, of all that were ever collected, into extracted/<student>/.

    The zips in archive/ are kept in collected/ first, as `nbjudge collect` does.
    """

    def extract(self, archive_path: str, extracted_path: str) -> None:
        try:
            self._extract(Path(archive_path), Path(extracted_path))
        except CourseError as error:
            self.parent.fail(str(error))

    def _extract(self, archive: Path, extracted: Path) -> None:
        course, assignment = _course(self.parent), self.parent.coursedir.assignment_id
        zips = sorted(archive.glob("*.zip"), key=lambda path: (path.stat().st_mtime, path.name))
        if not zips:
            raise CourseError(f"There is no zip in {archive}: put the LMS's download there.")
        worksheets = sorted(archive.glob("*.csv"))
        if len(worksheets) > 1:
            raise CourseError(f"{archive} holds several CSV files: leave Moodle's worksheet only.")
        worksheet = worksheets[0] if worksheets else None
        outcomes = [
            outcome
            for source in zips
            for outcome in collect.keep_download(course, assignment, source, worksheet=worksheet)
        ]
        for outcome in outcomes:
            self.log.warning("%s: %s.", outcome.who, outcome.detail)
        for student in collected.collected_students(course, assignment):
            self._extract_one(course, student, assignment, extracted)

    def _extract_one(self, course: Course, student: str, assignment: str, extracted: Path) -> None:
        collected.adopt(course, student, assignment)  # --force would remove what lies there
        chosen, note = counting.counting(course, student, assignment)
        if note:
            self.log.warning("%s: %s.", student, note)
        if chosen is not None:
            shutil.copytree(chosen.folder, extracted / student)


class LmsCollector(FileNameCollectorPlugin):
    """Finds the student of a file that `LmsExtractor` has put into extracted/<student>/."""

    def collect(self, submitted_file: str) -> dict[str, str]:
        path = Path(submitted_file)
        return {"student_id": path.parent.name, "file_id": path.name}


class GradesExporter(ExportPlugin):
    """Writes the grades of `nbjudge grades`: no grade is left empty, never a zero."""

    so_far = Bool(False, help="also what still waits for people").tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        try:
            self._export()
        except CourseError as error:
            self.parent.fail(str(error))

    def _export(self) -> None:
        course = _course(self.parent)
        names = [str(name) for name in self.assignment] or list(course.assignments)
        students = {str(student) for student in self.student}
        for name in names:
            penalties.refresh(course, name)
        found = [
            score
            for name in names
            for score in grades.scores(course, course.assignment(name).name, self.so_far)
            if not students or score.person.student in students
        ]
        path = Path(self.to or "grades.csv")
        grades.write_grades(course, found, path)
        for score in found:
            if not score.is_graded:
                self.log.warning(
                    "%s, %s: no grade, which is not a zero: %s.",
                    score.person.student, score.assignment, score.status,
                )  # fmt: skip
        self.log.info("Grades are in %s", path)
