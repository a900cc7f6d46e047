"""Files without an LMS: plain folders and tables.

Roster, file for grades   columns first_name, last_name, email, or usual headings of LMSs
Download                  `ada/ps1.ipynb` or `ada.ipynb`, named as in the gradebook
"""

from datetime import tzinfo
from pathlib import PurePosixPath

from nbjudge.core.tables import Table
from nbjudge.lms.base import Lms
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import File, Found


class Plain(Lms):
    """No LMS, or one without a module of its own."""

    name = "plain"
    title = "a plain folder"
    rosters = "columns first_name, last_name, email"
    columns = Columns(
        first=("first name", "first_name", "firstname", "vorname"),
        last=("last name", "last_name", "lastname", "surname", "nachname"),
        full=("full name", "student", "name", "vollständiger name"),
        email=("email", "email address", "e-mail", "e-mail-adresse"),
        login=("username", "anmeldename"),
        lms_id=("lms_user_id", "sid", "id number", "id-nummer", "sis user id"),
        role=("role", "roles", "rolle", "rollen"),
        student=("id",),  # of `nbgrader db student import`
    )
    takes_more = True

    def is_roster(self, table: Table) -> bool:
        has_who = self.columns.has(table, "email") or self.columns.has(table, "student")
        return has_who and self.columns.has(table, "name")

    def is_download(self, files: list[File]) -> bool:
        return True

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        parts = PurePosixPath(path).parts
        if len(parts) > 1:
            return Found(file, "/".join(parts[1:]), parts[0], student=parts[0], person=parts[0])
        if not path.endswith(".ipynb"):
            return None
        stem = PurePosixPath(path).stem
        return Found(file, path, stem, student=stem, person=stem)

    def why_unplaced(self, path: str) -> str:
        return "it is no notebook, and in no folder that names a student"

    def is_grade_file(self, table: Table) -> bool:
        return True
