"""The protocol of a learning management system: everything that the grader asks of one.

An LMS is a subclass of `Lms` in a file of its own and one entry in `nbjudge.lms.registry`. It has
to say how to recognize its roster and its downloads, and what a downloaded file's name means. The
rest has defaults that fit most: a person in a row is found by `columns`, the column of grades by
the assignment's title or name.
"""

import inspect
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, ClassVar

from nbjudge.core.course import Assignment
from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person, folder_name, usual_spellings
from nbjudge.core.tables import Table
from nbjudge.core.times import Stamp
from nbjudge.lms.columns import Cells, Columns
from nbjudge.lms.downloads import File, Found, Parsed, composed

STUDENT = re.compile(r"student|learner|teilnehmer")
"""What the role of a student is called, in part and in lower case."""


@dataclass(frozen=True)
class Listed:
    """What an LMS's worksheet says of one participant of an assignment."""

    name: str
    email: str
    handed_in: Stamp | None


@dataclass(frozen=True)
class Key:
    """What a row of a file for grades says of whose it is."""

    lms_id: str = ""
    email: str = ""
    student: str = ""
    name: str = ""


class Lms(ABC):
    """A learning management system."""

    name: ClassVar[str]  # for --lms, and in collected/
    title: ClassVar[str]  # in sentences
    rosters: ClassVar[str]  # the files that list its students, as a noun phrase
    columns: ClassVar[Columns]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        wanted = ("name", "title", "rosters", "columns")
        if not inspect.isabstract(cls) and (missing := [w for w in wanted if not hasattr(cls, w)]):
            raise TypeError(f"{cls.__name__} has no {' and no '.join(missing)}")

    # ---- the roster

    @abstractmethod
    def is_roster(self, table: Table) -> bool:
        """Whether `table` lists this LMS's students, under headings that only it has."""

    def people(self, table: Table) -> list[Person]:
        """The students in the roster `table`; teachers, test students and totals are left out.

        Their gradebook names are what they log in with, or else what their e-mail begins with.
        """
        return [_person(cells) for cells in self.columns.read(table) if self.is_student(cells)]

    def is_student(self, cells: Cells) -> bool:
        """Whether a row of the roster is about a student."""
        return bool(cells.name) and (
            not cells.role or STUDENT.search(cells.role.casefold()) is not None
        )

    # ---- the download of submissions

    @abstractmethod
    def is_download(self, files: list[File]) -> bool:
        """Whether `files` have names that only this LMS gives."""

    def parse(self, files: list[File], zone: tzinfo) -> Parsed:
        """What the names of a download's `files` say.

        zone: where times without an offset are at home

        Raises CourseError if a list that the LMS has put there cannot be read.
        """
        found, unplaced = [], []
        for file in files:
            path = composed(file.path)
            if (one := self.parse_name(file, path, zone)) is not None:
                found.append(one)
            elif not self.is_no_submission(path):
                unplaced.append((file, self.why_unplaced(path)))
        return Parsed(found, unplaced)

    @abstractmethod
    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        """What the `path` of one file in the download says; None if it says nothing."""

    def is_no_submission(self, path: str) -> bool:
        """Whether the LMS itself has put the file there, so that nobody misses it."""
        return False

    def why_unplaced(self, path: str) -> str:
        """Why a file belongs to nobody, for whoever has to find out whose it is."""
        return f"the name is none that {self.title} gives"

    def worksheet(self, table: Table, zone: tzinfo) -> dict[str, Listed]:
        """Who the participants in file names are, from a table that comes besides the download.

        Raises CourseError if `table` is another one, or this LMS has none.
        """
        raise CourseError(f"A download from {self.title} needs no worksheet.")

    # ---- the names of people

    def spellings(self, person: Person) -> set[str]:
        """How the LMS may write the name of `person` in a file's name, folded."""
        return usual_spellings(person)

    def names(self, written: str) -> list[str]:
        """The names of which the `written` one may consist, the most probable first."""
        return [written]

    # ---- the file that takes the grades

    def is_grade_file(self, table: Table) -> bool:
        """Whether `table` is a file of this LMS's into which grades are filled."""
        return self.is_roster(table)

    def grade_headings(self, assignment: Assignment) -> set[str]:
        """How the column of grades may be headed."""
        return {assignment.title, assignment.name}

    def heading_names(self, heading: str) -> set[str]:
        """What a column is called that is headed by `heading`, which may say more."""
        return {heading}

    def keys(self, table: Table) -> list[Key | None]:
        """Whose each row of `table` below its header is; None for a row of nobody's.

        Raises CourseError if no column says it.
        """
        if not any(self.columns.has(table, what) for what in ("lms_id", "email", "login", "name")):
            raise CourseError(
                f"{table.path} is not a file for grades: "
                "it needs a column with ids, e-mails or names."
            )
        has_better = self.columns.has(table, "lms_id") or self.columns.has(table, "email")
        return [
            Key(cells.lms_id, cells.email, "" if has_better else cells.login, cells.name)
            for cells in self.columns.read(table)
        ]

    def stated_maximum(self, table: Table, column: int) -> str:
        """The points that the LMS expects in this column, as it writes them; "" if it does not."""
        return ""

    def why_kept(self, table: Table, row: list[str], column: int) -> str:
        """Why the LMS wants no grade in this row, in a few words; "" if it wants one."""
        return ""

    # ---- the feedback that goes back

    def feedback_name(self, path: str, assignment: str) -> str | None:
        """The name of a feedback page by which the LMS finds its student.

        path: of a file of the submission, in the download

        None if `path` says nothing that would help it.
        """
        return None


def _person(cells: Cells) -> Person:
    email = cells.email or (cells.login if "@" in cells.login else "")
    wanted = cells.login.split("@")[0] or email.split("@")[0] or cells.lms_id
    student = folder_name(wanted or f"{cells.first}.{cells.last}")
    return Person(student, cells.first, cells.last, email, cells.lms_id)
