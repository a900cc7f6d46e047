"""Course folder: its layout, and what course.toml says about each assignment."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbjudge.core.deadlines import Policies, policies_of
from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import GradebookPlace, place_of
from nbjudge.core.limits import Limits
from nbjudge.core.settings import AssignmentSettings, CourseSettings, read_settings
from nbjudge.core.term import Term, term_of


def unit(assignment: str, notebook: str) -> str:
    """What the grader calls `notebook` of nbgrader's `assignment`: `ps1`, or `ps1/problem2`.

    An assignment of nbgrader's may have several notebooks; each is graded by itself.
    """
    return assignment if notebook == assignment else f"{assignment}/{notebook}"


def assignment_of(name: str) -> str:
    """nbgrader's name of the assignment that the notebook called `name` belongs to."""
    return name.partition("/")[0]


def notebook_of(name: str) -> str:
    """nbgrader's name of the notebook called `name`."""
    return name.rpartition("/")[2]


@dataclass(frozen=True)
class Assignment:
    """One problem set, or one of the notebooks of one, as course.toml describes it."""

    name: str
    title: str
    packages: tuple[str, ...]  # what a student's cell may import, besides the standard library
    files: tuple[str, ...] = ()  # extra files a submission may bring
    limits: Limits = field(default_factory=Limits)  # what a submission may hold, use and show
    library: str = ""  # the course's own package, one of `packages`
    environment: Mapping[str, str] = field(default_factory=dict)  # variables of the kernel
    scorer: str = ""  # "module:object": what scores submitted files
    term: str = ""  # the term's name, which enters the seeds of hidden tests
    has_asserts: bool = False  # as in any nbgrader course: grade cells without `observe`
    siblings: tuple[str, ...] = ()  # the other notebooks of nbgrader's assignment


@dataclass(frozen=True)
class Course:
    """A course folder and its assignments, in teaching order."""

    root: Path
    title: str
    library: str = ""  # the package that students import, built and released with the notebooks
    release_address: str = ""  # URL that release/ is served at, without a final slash
    assignments: dict[str, Assignment] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)
    term: Term = field(default_factory=Term)

    def assignment(self, name: str) -> Assignment:
        """The assignment called `name`.  Raises CourseError if there is none."""
        if name not in self.assignments:
            known = ", ".join(self.assignments)
            raise CourseError(f"There is no assignment {name!r} in this course; it has: {known}.")
        return self.assignments[name]

    def source(self, name: str) -> Path:
        return self._notebook(self.root / "source", name)

    def release(self, name: str) -> Path:
        return self._notebook(self.root / "release", name)

    def mistakes(self, name: str) -> Path:
        return self.root / "mistakes" / f"{name}.toml"

    def alternates(self, name: str) -> Path:
        return self.root / "tests" / "alternates" / name

    def key(self, name: str) -> Path:
        return self.root / "key" / name

    def handed_out(self, name: str) -> Path:
        return self.root / "handed_out" / f"{name}.json"

    def submitted(self, student: str, name: str) -> Path:
        return self.root / "submitted" / student / assignment_of(name)

    def collected(self, student: str, name: str) -> Path:
        """The folder of all submissions of `name` by `student`, whether or not they count."""
        return self.root / "collected" / assignment_of(name) / student

    def autograded_notebook(self, student: str, name: str) -> Path:
        return self._notebook(self.root / "autograded" / student, name)

    def feedback(self, student: str, name: str) -> Path:
        """The folder of a student's feedback."""
        return self.root / "feedback" / student / assignment_of(name)

    def feedback_page(self, student: str, name: str) -> Path:
        return self.feedback(student, name) / f"{notebook_of(name)}.html"

    def _notebook(self, folder: Path, name: str) -> Path:
        return folder / assignment_of(name) / f"{notebook_of(name)}.ipynb"

    def has_submission(self, student: str, name: str) -> bool:
        """Whether there is anything of `student` in submitted/ for `name`, readable or not."""
        try:
            self.submitted(student, name).lstat()
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return True

    @property
    def gradebook_place(self) -> GradebookPlace:
        """Where the gradebook is.  Raises CourseError as `place_of` does."""
        return place_of(self.root)

    @property
    def gradebook_url(self) -> str:
        """The gradebook's URL for SQLAlchemy; it may hold a password."""
        return self.gradebook_place.url

    def students(self, name: str, only: str | Iterable[str] | None = None) -> list[str]:
        """The students who submitted `name`, sorted; or `only` one or some of them.

        Raises CourseError if one of those has submitted nothing.
        """
        folder = self.root / "submitted"
        everyone = os.listdir(folder) if folder.is_dir() else []
        students = sorted(one for one in everyone if self.has_submission(one, name))
        if only is None:
            return students
        wanted = [only] if isinstance(only, str) else sorted(only)
        if strangers := sorted(set(wanted) - set(students)):
            raise CourseError(f"There is no submission of {name} by {strangers[0]!r}.")
        return wanted


def find_course(start: Path | None = None) -> Course:
    """The course whose folder is `start` (default: the current one) or a parent of it.

    Raises CourseError if there is no such folder or no course.toml, or if it cannot be read.
    """
    start = Path(os.path.abspath(start or Path.cwd()))
    if not start.is_dir():
        raise CourseError(f"There is no folder {start}.")
    for folder in [start, *start.parents]:
        if (folder / "course.toml").is_file():
            return _read(folder)
    raise CourseError(
        f"{start} is not in a course folder: no course.toml here or above; "
        "go to the course's folder or name it with --course."
    )


def _read(root: Path) -> Course:
    settings = read_settings(root / "course.toml")
    term = term_of(settings)
    made = [_assignment(entry, settings) for entry in settings.assignment]
    return Course(
        root=root,
        title=settings.title or root.name,
        library=settings.library,
        release_address=settings.release_address.rstrip("/"),
        assignments={one.name: replace(one, term=term.name) for one in made},
        policies=policies_of(settings),
        term=term,
    )


def _assignment(entry: AssignmentSettings, settings: CourseSettings) -> Assignment:
    library = settings.library
    return Assignment(
        name=entry.name,
        title=entry.title,
        packages=tuple(dict.fromkeys([*entry.packages, *([library] if library else [])])),
        files=tuple(entry.files),
        limits=Limits(**entry.limits.model_dump(exclude_none=True)),
        library=library,
        environment=settings.environment,
        scorer=entry.scorer,
        has_asserts=entry.tests == "asserts",
        siblings=tuple(
            notebook_of(other.name)
            for other in settings.assignment
            if assignment_of(other.name) == assignment_of(entry.name) and other is not entry
        ),
    )
