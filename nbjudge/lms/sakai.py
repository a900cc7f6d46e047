"""Sakai: formats of its files.

Roster, file for grades   `grades.csv` of an assignment's download, with two lines before its
                          header; or the export of the gradebook, with headings like `Tiny [5]`
Download                  `Tiny/Lovelace, Ada(ada)/Submission attachment(s)/ps1.ipynb`, and the
                          student's `timestamp.txt`, typed text and empty files for feedback;
                          without folders, `_` for the last two slashes and no times. Where grading
                          is anonymous, the submission's id stands for the student
Feedback                  a zip like the download, with pages in `Feedback Attachment(s)`
"""

import csv
import re
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from nbjudge.core.course import Assignment
from nbjudge.core.tables import Table
from nbjudge.core.times import TIMESTAMP, Stamp, stamp, stamp_of
from nbjudge.lms.base import Key, Lms
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import File, Found, Parsed, composed, mostly

ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ANONYMOUS = re.compile(rf"(?P<id>{ID}) \S[^/]*")
"""A student's name where grading is anonymous: the submission's id, and that word."""

NAMED = r"(?P<person>[^/]+?)\s*\((?P<login>[^()/]+)\)"
FOLDER = re.compile(
    rf"(?P<folder>(?:[^/]+/)*?(?:{NAMED}|(?P<anonymous>{ID} [^/_]+)))[/_](?P<rest>.+)"
)
ATTACHED = re.compile(r"Submission attachment(?:\(s\)|s)?[/_](?P<name>.+)", re.IGNORECASE)
TYPED = re.compile(r"[^/]*_?submissionText\.html?", re.IGNORECASE)
HEADING = re.compile(r"(?P<title>.+?) \[(?P<points>[\d.,]+)\]\s*")
POINTS = ("", "points", "scores", "score_grade_type")
"""Sakai's names for grades that are points, lowercase."""

LONGEST_TIME = 1_000  # bytes


class Sakai(Lms):
    """Sakai."""

    name = "sakai"
    title = "Sakai"
    rosters = "Sakai's grades.csv or gradebook"
    heading = HEADING
    columns = Columns(
        first=("first name",),
        last=("last name",),
        full=("student name", "name"),
        login=("display id", "student id"),
    )

    def is_roster(self, table: Table) -> bool:
        is_gradebook = self.columns.has(table, "login") and "full" in self.columns.places(table)
        return table.column("display id") is not None or is_gradebook

    def is_download(self, files: list[File]) -> bool:
        matches = [FOLDER.fullmatch(composed(file.path)) for file in files]
        has_work = any(match and ATTACHED.fullmatch(match["rest"]) for match in matches)
        return has_work and mostly(files, FOLDER.fullmatch)

    def parse(self, files: list[File], zone: tzinfo) -> Parsed:
        times = {
            match["folder"]: _time(file)
            for file in files
            if (match := FOLDER.fullmatch(composed(file.path))) and match["rest"] == TIMESTAMP
        }
        parsed = super().parse(files, zone)
        found = [replace(one, handed_in=times.get(one.group)) for one in parsed.found]
        return Parsed(found, parsed.unplaced)

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        match = FOLDER.fullmatch(path)
        attached = ATTACHED.fullmatch(match["rest"]) if match else None
        if match is None or attached is None:
            return None
        return Found(
            file,
            attached["name"],
            group=match["folder"],
            person=match["person"] or "",
            student=match["login"] or "",
            anonymous=_anonymous(match["anonymous"] or ""),
        )

    def typed_in(self, path: str) -> str | None:
        match = FOLDER.fullmatch(path)
        return match["folder"] if match and TYPED.fullmatch(match["rest"]) else None

    def is_no_submission(self, path: str) -> bool:
        in_folder = FOLDER.fullmatch(path) is not None  # empty files for feedback, and the time
        return in_folder or path.rpartition("/")[2] in ("grades.csv", "grades.xls")

    def keys(self, table: Table) -> list[Key | None]:
        cells = self.columns.read(table)
        names = [_anonymous(one.login) for one in cells]
        usual = super().keys(table)
        return [Key(student=name) if name else key for name, key in zip(names, usual, strict=True)]

    def grade_headings(self, assignment: Assignment) -> set[str]:
        return {"grade", assignment.title, assignment.name}

    def why_no_points(self, table: Table, column: int) -> str:
        first = next(csv.reader([table.before.partition("\n")[0]], delimiter=table.delimiter), [])
        kind = first[1].strip() if len(first) > 1 else ""
        return "" if kind.casefold() in POINTS else kind

    def feedback_name(self, path: str, assignment: str) -> str | None:
        match = FOLDER.fullmatch(path)
        return f"{match['folder']}/Feedback Attachment(s)/{assignment}.html" if match else None


def _anonymous(shown: str) -> str:
    """The name in the gradebook of somebody whom Sakai shows as an id; "" for anybody else."""
    match = ANONYMOUS.fullmatch(shown)
    return f"anonymous-{match['id']}" if match else ""


def _time(file: File) -> Stamp | None:
    """The time in a timestamp.txt: digits down to milliseconds, or ISO 8601; both in UTC."""
    try:
        text = file.read(LONGEST_TIME).decode("utf-8-sig").strip()
        if re.fullmatch(r"\d{17}", text):
            return stamp_of(datetime.strptime(text[:14], "%Y%m%d%H%M%S"), UTC)
    except Exception:  # a damaged file in a zip says no more than none
        return None
    return stamp(text, UTC) if text else None
