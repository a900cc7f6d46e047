"""Canvas: formats of its files.

Roster, file for grades   the export of its gradebook (gradebook_exporter.rb)
Download                  `lovelaceada_LATE_4711_90210_ps1-1.ipynb`: sortable name, whether late,
                          the ids of student and file, the file's name (content_zipper.rb)
Feedback                  a zip of pages whose names begin like those of the download
"""

import re
from datetime import tzinfo
from pathlib import PurePosixPath

from nbjudge.core.people import Person, fold, usual_spellings
from nbjudge.core.tables import Table
from nbjudge.lms.base import Key, Lms
from nbjudge.lms.columns import Cells, Columns
from nbjudge.lms.downloads import File, Found

NAME = re.compile(r"(?P<person>\w*?)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?P<file>\d+)_(?P<name>.+)")
ANONYMOUS = re.compile(
    r"(?:(?P<late>LATE)_)?anon_(?P<user>[1-9A-HJ-NP-Za-km-z]{5})_(?P<file>\d+)_(?P<name>.+)"
)
"""Names of an anonymous assignment; Canvas calls each student by five letters and digits."""

TYPED = re.compile(r"(?:_\d+|anon_\w{5})_(?:text|link)\.html$")
BEGINNING = re.compile(r"(?:LATE_)?anon_\w{5}_\d+_|.*?_\d+_\d+_")  # with the ids that Canvas needs
COLUMN_ID = re.compile(r"\s*\(\d+\)\s*$")  # after an assignment's title
NOT_TO_FILL = ("EX", "N/A")  # the student is excused, or does not have the assignment
TEST_STUDENT = ("test", "student")


class Canvas(Lms):
    """Instructure's Canvas."""

    name = "canvas"
    title = "Canvas"
    takes_more = True
    rosters = "Canvas's gradebook"
    columns = Columns(
        first=("first name", "firstname"),
        last=("last name", "lastname"),
        full=("student",),
        email=("email",),
        login=("sis login id",),
        lms_id=("id",),
    )

    def is_roster(self, table: Table) -> bool:
        return self.columns.has(table, "lms_id", "login", "name")

    def is_student(self, cells: Cells) -> bool:
        is_test = (fold(cells.first), fold(cells.last)) == TEST_STUDENT
        return super().is_student(cells) and cells.lms_id.isdecimal() and not is_test

    def is_download(self, files: list[File]) -> bool:
        names = [PurePosixPath(file.path).name for file in files]
        return any(NAME.fullmatch(name) or ANONYMOUS.fullmatch(name) for name in names)

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        name = PurePosixPath(path).name
        if (match := ANONYMOUS.fullmatch(name)) is not None:
            return Found(
                file,
                match["name"],
                group=match["user"],
                anonymous=f"anon-{match['user']}",
                is_late=match["late"] is not None,
            )
        if (match := NAME.fullmatch(name)) is None:
            return None
        return Found(  # the times in Canvas's zip are those of the download
            file,
            match["name"],
            group=match["user"],
            lms_id=match["user"],
            person=match["person"],
            is_late=match["late"] is not None,
        )

    def why_unplaced(self, path: str) -> str:
        if TYPED.search(path):
            return "this was typed into Canvas, or is a link: not a file"
        return super().why_unplaced(path)

    def spellings(self, person: Person) -> set[str]:
        joined = re.sub(r"\W", "", fold(person.last_name + person.first_name))
        return {*usual_spellings(person), joined}

    def heading_names(self, heading: str) -> set[str]:
        return {heading, COLUMN_ID.sub("", heading)}

    def keys(self, table: Table) -> list[Key | None]:
        rows = zip(super().keys(table), self.columns.read(table), strict=True)
        return [key if self.is_student(cells) else None for key, cells in rows]

    def stated_maximum(self, table: Table, column: int) -> str:
        for row in table.rows[1:4]:
            if "points possible" in row[0].casefold():
                return row[column]
        return ""

    def why_kept(self, table: Table, row: list[str], column: int) -> str:
        told = row[column].strip()
        return f"the LMS has {told} there" if told in NOT_TO_FILL else ""

    def feedback_name(self, path: str, assignment: str) -> str | None:
        found = BEGINNING.match(PurePosixPath(path).name)
        return f"{found[0]}{assignment}.html" if found else None
