"""Protocol of a learning management system (LMS) for the grader.

An LMS is a subclass of `Lms` in a file of its own and one entry in `nbjudge.lms.registry`. It must
define how to recognize its roster and its downloads, and what a downloaded file's name means. The
rest has defaults that suit most: a row's person is found by `columns`, the column of grades by the
assignment's title or name.
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

STUDENT = re.compile(
    r"stud[ei][ns]|studier|studerende|étudiant|etudiant|estudant|estudiant|learner|teilnehmer|"
    r"schüler|alumn|aluno|leerling|elev\b|élève|uczeń|uczestnik|opiskelija|hallgató|tanuló|"
    r"öğrenci|ikasle|polaznik|студент|учень|ученик|φοιτητ|μαθητ|学生|學生|학생|受講生|طالب|סטודנט|תלמיד"
)
"""Lowercase parts of the names of a student's role, in the languages of LMSs."""

AMBIGUOUS = re.compile(r"assistant|assistent|tutor|teacher|lehr|hilfskraft|studienleit")
"""Parts of the names of roles that are no student's, though one may hold such a part too."""


@dataclass(frozen=True)
class Listed:
    """Entry for one participant of an assignment in an LMS's worksheet."""

    name: str
    email: str
    handed_in: Stamp | None
    lms_id: str = ""


@dataclass(frozen=True)
class Key:
    """Identity of the student in one row of a file for grades."""

    lms_id: str = ""
    email: str = ""
    student: str = ""
    name: str = ""
    participant: str = ""  # a number or name that only this LMS's files explain


class Lms(ABC):
    """A learning management system."""

    name: ClassVar[str]  # for --lms, and in collected/
    title: ClassVar[str]  # in sentences
    rosters: ClassVar[str]  # the files that list its students, as a noun phrase
    columns: ClassVar[Columns]
    heading: ClassVar[re.Pattern[str] | None] = None
    """What the heading of a column of grades is, with the groups `title` and perhaps `points`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        wanted = ("name", "title", "rosters", "columns")
        if not inspect.isabstract(cls) and (missing := [w for w in wanted if not hasattr(cls, w)]):
            raise TypeError(f"{cls.__name__} has no {' and no '.join(missing)}")

    # ---- the roster

    @abstractmethod
    def is_roster(self, table: Table) -> bool:
        """Whether `table` lists students under headings that only this LMS uses."""

    def people(self, table: Table) -> list[Person]:
        """The students in the roster `table`, without teachers, test students, and totals.

        Their gradebook names are their logins, or else the first part of their e-mails.
        """
        return [_person(cells) for cells in self.columns.read(table) if self.is_student(cells)]

    def is_student(self, cells: Cells) -> bool:
        """Whether a row of the roster is for a student."""
        roles = [role for role in re.split(r"[,;/]", cells.role.casefold()) if role.strip()]
        return bool(cells.name) and (not roles or any(_is_students(role) for role in roles))

    # ---- the download of submissions

    @abstractmethod
    def is_download(self, files: list[File]) -> bool:
        """Whether `files` have names that only this LMS uses."""

    def parse(self, files: list[File], zone: tzinfo) -> Parsed:
        """The information in the names of a download's `files`.

        zone: the zone of times without an offset

        Raises CourseError if a list that the LMS has put there cannot be read.
        """
        found, unplaced = [], []
        typed: dict[str, File] = {}
        for file in files:
            path = composed(file.path)
            if (one := self.parse_name(file, path, zone)) is not None:
                found.append(one)
            elif (group := self.typed_in(path)) is not None:
                typed[group] = file
            elif not self.is_no_submission(path):
                unplaced.append((file, self.why_unplaced(path)))
        with_files = {one.group for one in found}
        why = f"this was typed into {self.title}: there is no file with it"
        unplaced += [(file, why) for group, file in typed.items() if group not in with_files]
        return Parsed(found, unplaced)

    @abstractmethod
    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        """The information in one file's `path` in the download; None without any."""

    def is_no_submission(self, path: str) -> bool:
        """Whether the LMS itself has added the file, so that it can be ignored."""
        return False

    def typed_in(self, path: str) -> str | None:
        """The group of the submission of which this file holds typed text; None for other files.

        Next to a submitted file such a text is left out; alone, it is no submission.
        """
        return None

    def why_unplaced(self, path: str) -> str:
        """Why a file belongs to nobody, for a person who has to find its owner."""
        return f"the name is not one that {self.title} gives"

    def worksheet(self, table: Table, zone: tzinfo) -> dict[str, Listed]:
        """The participants in file names, from a separate table.

        Raises CourseError if `table` is a different one, or this LMS has none.
        """
        raise CourseError(f"A download from {self.title} needs no worksheet.")

    # ---- the names of people

    def spellings(self, person: Person) -> set[str]:
        """The possible spellings of the name of `person` in a file's name, folded."""
        return usual_spellings(person)

    def names(self, written: str) -> list[str]:
        """The names that the `written` one may mean, the most probable first."""
        return [written]

    # ---- the file that takes the grades

    def is_grade_file(self, table: Table) -> bool:
        """Whether `table` is this LMS's file for grades."""
        return self.is_roster(table)

    def grade_headings(self, assignment: Assignment) -> set[str]:
        """The possible headings of the column of grades."""
        return {assignment.title, assignment.name}

    def heading_names(self, heading: str) -> set[str]:
        """The column's name within its `heading`, which may contain more."""
        match = self.heading.fullmatch(heading) if self.heading else None
        return {heading, match["title"]} if match else {heading}

    def keys(self, table: Table) -> list[Key | None]:
        """The student of each row of `table` below its header; None for other rows.

        Raises CourseError if no column identifies them.
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

    def why_no_points(self, table: Table, column: int) -> str:
        """Why this column takes no points, in a few words; "" if it does."""
        return ""

    takes_more: ClassVar[bool] = False
    """Whether the LMS takes points above the maximum."""

    def participant(self, path: str) -> str:
        """The participant in the name of a file of a download, as in `Key`; "" if there is none."""
        return ""

    def stated_maximum(self, table: Table, column: int) -> str:
        """The maximum points of this column, as the LMS writes them; "" if it does not."""
        match = self.heading.fullmatch(table.rows[0][column]) if self.heading else None
        return match.groupdict().get("points") or "" if match else ""

    def why_kept(self, table: Table, row: list[str], column: int) -> str:
        """Why the LMS expects no grade in this row, in a few words; "" if it does."""
        return ""

    # ---- the feedback that goes back

    def feedback_name(self, path: str, assignment: str) -> str | None:
        """The name of a feedback page from which the LMS finds its student.

        path: the path of a file of the submission in the download

        None if `path` contains nothing useful for that.
        """
        return None


def _is_students(role: str) -> bool:
    return STUDENT.search(role) is not None and AMBIGUOUS.search(role) is None


def _person(cells: Cells) -> Person:
    email = cells.email or (cells.login if "@" in cells.login else "")
    wanted = cells.login.split("@")[0] or email.split("@")[0] or cells.lms_id
    student = folder_name(wanted or f"{cells.first}.{cells.last}")
    if re.fullmatch(r"\w[\w.@+-]*", cells.student):
        student = cells.student
    return Person(student, cells.first, cells.last, email, cells.lms_id)
