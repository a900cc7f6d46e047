"""The course as a folder: where things are, and what course.toml says of each assignment."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class CourseError(Exception):
    """Something a person can put right; its message is the one sentence they need."""


@dataclass(frozen=True)
class Assignment:
    """One problem set, as course.toml describes it."""

    name: str
    title: str
    packages: tuple[str, ...]  # what a student's cell may import, beside the standard library
    files: tuple[str, ...] = ()  # extra files a submission may bring
    cell_seconds: float = 60.0  # the longest a single cell may take in grading


@dataclass(frozen=True)
class Course:
    """A course folder and its assignments, in teaching order."""

    root: Path
    title: str
    assignments: dict[str, Assignment] = field(default_factory=dict)

    def assignment(self, name: str) -> Assignment:
        """The assignment called `name`.  Raises CourseError where the course has none."""
        if name not in self.assignments:
            known = ", ".join(self.assignments)
            raise CourseError(f"There is no assignment {name!r} in this course; it has: {known}.")
        return self.assignments[name]

    def source(self, name: str) -> Path:
        return self.root / "source" / name / f"{name}.ipynb"

    def release(self, name: str) -> Path:
        return self.root / "release" / name / f"{name}.ipynb"

    def mistakes(self, name: str) -> Path:
        return self.root / "mistakes" / f"{name}.toml"

    def alternates(self, name: str) -> Path:
        return self.root / "tests" / "alternates" / name

    def key(self, name: str) -> Path:
        return self.root / "key" / name

    def submitted(self, student: str, name: str) -> Path:
        return self.root / "submitted" / student / name

    def autograded(self, student: str, name: str) -> Path:
        return self.root / "autograded" / student / name

    def feedback(self, student: str, name: str) -> Path:
        return self.root / "feedback" / student / name

    @property
    def gradebook_url(self) -> str:
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def students(self, name: str, only: str | None = None) -> list[str]:
        """Those who handed in `name`, sorted; or `only` one of them.

        Raises CourseError where that one has handed in nothing.
        """
        folder = self.root / "submitted"
        students = sorted(path.parent.name for path in folder.glob(f"*/{name}") if path.is_dir())
        if only is None:
            return students
        if only not in students:
            raise CourseError(f"There is no submission of {name} by {only!r}.")
        return [only]


def find_course(start: Path | None = None) -> Course:
    """The course whose folder is `start` (default: the current one) or a parent of it.

    Raises CourseError where there is no course.toml, or where it cannot be read.
    """
    start = Path(os.path.abspath(start or Path.cwd()))
    for folder in [start, *start.parents]:
        if (folder / "course.toml").is_file():
            return _read(folder)
    raise CourseError(
        f"{start} is not in a course folder: no course.toml here or above; "
        "go to the course's folder or name it with --course."
    )


def _read(root: Path) -> Course:
    path = root / "course.toml"
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not valid TOML: {error}.") from error
    sets = settings.get("assignment", [])
    assignments = {entry.get("name", ""): _assignment(path, entry) for entry in sets}
    if not assignments:
        raise CourseError(f"{path} lists no [[assignment]].")
    return Course(root, str(settings.get("title", root.name)), assignments)


def _assignment(path: Path, entry: dict[str, Any]) -> Assignment:
    known = {"name", "title", "packages", "files", "cell_seconds"}
    if unknown := sorted(entry.keys() - known):
        raise CourseError(f"{path}: an [[assignment]] has the unknown setting {unknown[0]!r}.")
    if missing := sorted({"name", "title", "packages"} - entry.keys()):
        raise CourseError(f"{path}: an [[assignment]] lacks the setting {missing[0]!r}.")
    return Assignment(
        name=str(entry["name"]),
        title=str(entry["title"]),
        packages=tuple(entry["packages"]),
        files=tuple(entry.get("files", ())),
        cell_seconds=float(entry.get("cell_seconds", 60.0)),
    )
