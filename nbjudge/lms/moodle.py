"""Moodle, in English or German: formats of its files.

Roster            the table of participants, or a grading worksheet
Download          `Ada Lovelace_4711_assignsubmission_file/ps1.ipynb`: full name and participant
                  number for this one assignment, also in the grading worksheet; or all in one
                  name
File for grades   the grading worksheet of the assignment
Feedback          a zip of folders named like those of the download
"""

import re
from datetime import tzinfo

from nbjudge.core.course import Assignment
from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person, fold, usual_spellings
from nbjudge.core.tables import Table
from nbjudge.core.times import read_spoken, stamp_in_zip
from nbjudge.lms.base import Key, Listed, Lms
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import File, Found

NAME = re.compile(
    r"(?P<person>[^/]*?)_(?P<participant>\d+)_assignsubmission_file(?:/|_/?)(?P<name>.+)"
)
TYPED = re.compile(r"_(\d+)_assignsubmission_onlinetext")
PARTICIPANT = re.compile(r"_(\d+)_assignsubmission_")
HIDDEN = re.compile(r"participant|teilnehmer ?in|teilnehmer|participante|deelnemer|partecipante")
"""What stands for every student's name, folded, while Moodle keeps the names from graders."""
FOLDER = re.compile(r"[^/]*_\d+_assignsubmission_file")  # Moodle looks for number and plugin
DROPPED = re.compile(r"[\x00-\x1f&<>\"`|':\\/]")  # from a name in a file's name

IDENTIFIER = ("identifier", "id")
HANDED_IN = ("last modified (submission)", "zuletzt geändert (abgabe)")
CHANGEABLE = ("grade can be changed", "bewertung kann geändert werden")
GRADE = {"grade", "bewertung"}
MAXIMUM = ("maximum grade", "bestwertung")
LOCKED = ("no", "nein")
SCALE = ("scale", "skala", "barème", "escala", "schaal", "scala")
PARTICIPANTS = ("roles", "rollen", "rôles", "last access to course", "letzter zugriff auf kurs",
                "letzter zugriff zum kurs")  # fmt: skip


class Moodle(Lms):
    """Moodle."""

    name = "moodle"
    title = "Moodle"
    rosters = "Moodle's participants or grading worksheet"
    columns = Columns(
        first=("first name", "vorname"),
        last=("last name", "surname", "nachname"),
        full=("full name", "vollständiger name"),
        email=("email address", "e-mail-adresse"),
        login=("username", "anmeldename"),
        lms_id=("id number", "id-nummer"),
        role=("role", "roles", "rolle", "rollen"),
    )

    def is_roster(self, table: Table) -> bool:
        has_more = table.column(*PARTICIPANTS) is not None or self.is_grade_file(table)
        is_named = self.columns.has(table, "name")
        return is_named and (self.columns.has(table, "email") or has_more)

    def is_download(self, files: list[File]) -> bool:
        return any("_assignsubmission_" in file.path for file in files)

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        match = NAME.search(path)
        if match is None:
            return None
        is_hidden = any(HIDDEN.fullmatch(fold(name)) for name in self.names(match["person"]))
        return Found(
            file,
            match["name"],
            group=match["participant"],
            participant=match["participant"],
            person="" if is_hidden else match["person"],
            anonymous=_anonymous(match["participant"]) if is_hidden else "",
            handed_in=stamp_in_zip(file.time, zone) if file.time else None,  # of the download
        )

    def typed_in(self, path: str) -> str | None:
        found = TYPED.search(path)
        return found[1] if found else None

    def participant(self, path: str) -> str:
        found = PARTICIPANT.search(path)
        return found[1] if found else ""

    def worksheet(self, table: Table, zone: tzinfo) -> dict[str, Listed]:
        identifier, handed_in = table.column(*IDENTIFIER), table.column(*HANDED_IN)
        if identifier is None or not self.is_grade_file(table):
            raise CourseError(f"{table.path} is not Moodle's grading worksheet.")
        listed = {}
        for row, cells in zip(table.rows[1:], self.columns.read(table), strict=True):
            if number := re.search(r"\d+", row[identifier]):
                time = None if handed_in is None else read_spoken(row[handed_in], zone)
                listed[number[0]] = Listed(cells.name, cells.email, time, cells.lms_id)
        return listed

    def keys(self, table: Table) -> list[Key | None]:
        """By participants' numbers, which the names of a download have too; else as usual."""
        identifier = table.column(*IDENTIFIER)
        if identifier is None:
            return super().keys(table)
        keys: list[Key | None] = []
        for row, cells in zip(table.rows[1:], self.columns.read(table), strict=True):
            number = re.search(r"\d+", row[identifier])
            participant = number[0] if number else ""
            student = "" if cells.name or cells.email else _anonymous(participant)
            keys.append(Key(cells.lms_id, cells.email, student, cells.name, participant))
        return keys

    def why_no_points(self, table: Table, column: int) -> str:
        return "a scale" if table.column(*SCALE) is not None else ""

    def spellings(self, person: Person) -> set[str]:
        in_files = fold(DROPPED.sub("", person.name.replace("_", " ")))
        return {*usual_spellings(person), in_files}

    def names(self, written: str) -> list[str]:
        """A group's name, which Moodle puts first, may precede the student's."""
        ends = [place for place, letter in enumerate(written) if letter == "-"]
        return [written, *(written[place + 1 :] for place in ends)]

    def is_grade_file(self, table: Table) -> bool:
        return table.column(*CHANGEABLE) is not None

    def grade_headings(self, assignment: Assignment) -> set[str]:
        return GRADE  # the worksheet is for one assignment

    def stated_maximum(self, table: Table, column: int) -> str:
        place = table.column(*MAXIMUM)
        return "" if place is None else table.rows[1][place]

    def why_kept(self, table: Table, row: list[str], column: int) -> str:
        place = table.column(*CHANGEABLE)
        is_locked = place is not None and row[place].strip().casefold() in LOCKED
        return "the LMS has locked this grade" if is_locked else ""

    def feedback_name(self, path: str, assignment: str) -> str | None:
        found = FOLDER.search(path)
        return f"{found[0]}_/{assignment}.html" if found else None


def _anonymous(participant: str) -> str:
    """The name in the gradebook of somebody of whom only the number is known."""
    return f"participant-{participant}"
