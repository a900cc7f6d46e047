"""Python interface to the grader: what the command `nbjudge` does, with plain data as results.

    from nbjudge.api import Course

    course = Course.open("courses/physics")
    course.build("ps1")
    verdicts = course.grade("ps1")
    print(verdicts["ada"].score, "of", verdicts["ada"].points)

docs/api.md has more examples. Every error that a person can fix is raised as `CourseError`.
"""

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from nbjudge.authoring import audit, build
from nbjudge.authoring.audit import Finding
from nbjudge.core import course as course_folder
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.judge import intake, submission
from nbjudge.judge.answer_key import key_for_grading
from nbjudge.judge.verdicts import Record, Verdict, attached
from nbjudge.pages import report
from nbjudge.pages.explanation import Explanation
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import explain, grade, plan, running, totals

__all__ = [
    "Course",
    "CourseError",
    "Explanation",
    "Finding",
    "Verdict",
    "Verdicts",
    "grade_notebook",
]


@dataclass(frozen=True)
class Verdicts:
    """Automatic grading of one notebook: a verdict on each grade cell, or why there is none."""

    cells: tuple[Verdict, ...]  # in the notebook's order
    notes: tuple[str, ...]  # what the student should know about how the notebook was run
    reason: str  # why the notebook could not be graded; empty if it was
    score: float  # points awarded automatically, including extra credit
    points: float  # the maximum of these, without extra credit

    @property
    def is_graded(self) -> bool:
        """Whether there is a grade; a notebook that could not be graded does not get a zero."""
        return not self.reason


@dataclass(frozen=True)
class Course:
    """A course folder and the operations on its assignments.

    Methods that run notebooks start worker processes, and stop them when done:

    jobs:     how many notebooks run at once (default: one per core)
    sandbox:  "auto", "bwrap" (required) or "none" (runs with your own permissions)
    executor: runs notebooks in place of workers started here
    """

    folder: course_folder.Course
    jobs: int | None = None
    sandbox: str = "auto"
    executor: NotebookExecutor | None = None

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        jobs: int | None = None,
        sandbox: str = "auto",
        executor: NotebookExecutor | None = None,
    ) -> "Course":
        """The course whose folder is `path` or a parent of it.

        Raises CourseError if there is no course.toml, or if it cannot be read.
        """
        return cls(find_course(Path(path)), jobs, sandbox, executor)

    @property
    def root(self) -> Path:
        """The course's folder."""
        return self.folder.root

    @property
    def title(self) -> str:
        """The course's title."""
        return self.folder.title

    @property
    def assignments(self) -> tuple[str, ...]:
        """The names of the assignments, in teaching order."""
        return tuple(self.folder.assignments)

    def build(
        self,
        *assignments: str,
        progress: Callable[[str, str, int, int], None] = lambda name, what, done, total: None,
    ) -> list[str]:
        """Build releases and answer keys of all assignments, or of those named.

        Returns the assignments in which anything changed.

        progress: called with the assignment, what was just done, how many runs are done, and how
                  many there are

        Raises CourseError with the reason if an assignment is refused; it is then left unchanged.
        """
        names = self._names(assignments)
        with self._workers(is_ours=True) as executor:
            return build.build_all(self.folder, names, executor, progress)

    def audit(
        self,
        *assignments: str,
        kept: bool = False,
        progress: Callable[[Finding], None] = lambda finding: None,
    ) -> list[Finding]:
        """Check known mistakes and alternates of all assignments, or of those named.

        Returns a finding for each mistake and alternate. It is good if the mistake loses its
        points, or the alternate keeps them.

        kept: judge the build's runs of mistakes, and run only alternates

        Raises CourseError if an assignment has no current release and key.
        """
        names = [name for name in self._names(assignments) if audit.is_audited(self.folder, name)]
        if not names:
            return []
        with self._workers(is_ours=True) as executor:
            return [
                finding
                for name in names
                for finding in audit.audit(self.folder, name, executor, progress, kept=kept)
            ]

    def grade(
        self,
        assignment: str,
        *,
        students: str | Iterable[str] | None = None,
        force: bool = False,
        progress: Callable[[str, Verdicts], None] = lambda student, verdicts: None,
    ) -> dict[str, Verdicts]:
        """Grade submissions and enter them in the gradebook; returns the verdicts by student.

        A submission already graded with the same key and code is skipped.

        students: one or several; default: all who have submitted `assignment`
        force:    regrade submissions that are already graded
        progress: called with each student and their verdicts, as soon as they are available

        Raises CourseError if nothing can be graded: an unknown assignment or student, no sandbox,
        no release or answer key, a gradebook that cannot be used.
        """
        work = plan.make(self.folder, assignment, students, force)

        def show(record: Record) -> None:
            progress(record.student, _verdicts(record))

        if not work.todo:  # no worker is needed
            for record in work.done:
                show(record)
            return {record.student: _verdicts(record) for record in work.done}
        with self._workers() as executor:
            records = grade.carry_out(work, executor, show)
        return {record.student: _verdicts(record) for record in records}

    def explain(self, assignment: str, student: str, cell: str | None = None) -> Explanation:
        """Run one submission again, and explain its scores; nothing is entered.

        The explanation names hidden values, so it is for instructors only.

        cell: a grade cell; default: all

        Raises CourseError if there is no such submission or cell, no sandbox, no answer key.
        """
        with self._workers() as executor:
            return explain.explain(self.folder, assignment, student, executor, cell)

    def report(
        self, *assignments: str, folder: str | Path | None = None, share: bool = False
    ) -> list[Path]:
        """Write a page and tables on class results; returns their paths, the page first.

        assignments: default: all with at least one graded submission
        folder:      default: report/, or report_to_share/, in the course's folder
        share:       leave out everything that names a student

        Raises CourseError if an assignment has no graded submission yet, or if files to share
        would be next to tables with names.
        """
        names = self._names(assignments or report.graded_assignments(self.folder))
        default = self.root / ("report_to_share" if share else "report")
        term = totals.totals(self.folder, so_far=True) if len(names) > 1 else []
        return report.write_report(self.folder, names, Path(folder or default), share, term)

    def _names(self, assignments: Iterable[str]) -> list[str]:
        """The names of `assignments`, or of all if there are none.

        Raises CourseError if the course does not have one of them.
        """
        names = list(assignments) or self.folder.assignments
        return [self.folder.assignment(name).name for name in names]

    def _workers(self, is_ours: bool = False) -> AbstractContextManager[NotebookExecutor]:
        if self.executor is not None:
            return contextlib.nullcontext(self.executor)
        return running.started(self.jobs, self.sandbox, is_ours=is_ours)


def grade_notebook(key: str | Path, path: str | Path) -> Verdicts:
    """The verdicts on the notebook at `path`, which may be anywhere; nothing is written.

    key: the folder of an answer key, `key/<assignment>` in a course's folder

    Files that the assignment accepts are taken from the notebook's folder. A notebook that cannot
    be graded has a reason instead of a score.

    Raises CourseError if there is no such key, if it is not that of the current release, or if
    this machine has no sandbox and may not run without one.
    """
    key, path = Path(key).absolute(), Path(path)
    course = find_course(key.parent)
    settings = course.assignment(key.name)
    if key.resolve() != course.key(key.name).resolve():
        raise CourseError(f"{key} is not the folder of an answer key: key/{key.name} in a course.")
    isolation = Isolation()
    isolation.check()
    answers = key_for_grading(course, settings.name)
    try:
        notebook = intake.Notebook(path.name, intake.read_submission(path, settings.limits))
        files = submission.accepted_files(path.parent, settings)
        found = submission.Submission(path.stem, (notebook,), files)
    except intake.Unreadable as error:
        found = submission.Submission(path.stem, unreadable=str(error))
    record = attached(submission.grade_submission(settings, answers, found, isolation))
    assert record is not None, "grade_submission attaches a record"
    return _verdicts(record)


def _verdicts(record: Record) -> Verdicts:
    return Verdicts(record.verdicts, record.notes, record.reason, record.score, record.points)
