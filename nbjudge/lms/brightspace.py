"""Brightspace (D2L): formats of its files.

Roster, file for grades   the export of its grades; ids and logins begin with `#` there
Download                  `397063-2557369 - Ada Lovelace - Oct 14, 2026 921 PM/ps1.ipynb`: the
                          numbers of user and assignment, name, time; or all in one name; and an
                          `index.html`. It holds all attempts, each in a folder of its own
Feedback                  a zip of folders named like those of the download
"""

import re
from datetime import datetime, tzinfo
from pathlib import PurePosixPath

from nbjudge.core.course import Assignment
from nbjudge.core.people import Person, fold, usual_spellings
from nbjudge.core.tables import Table
from nbjudge.core.times import Stamp, stamp_of
from nbjudge.lms.base import Lms
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import File, Found, mostly

NAME = re.compile(
    r"(?P<folder>(?P<user>\d+)-\d+ - (?P<person>[^/]+?) - (?P<time>[^/]*?\d{3,4}(?: ?[AP]M)?))"
    r"(?:/| - )(?P<name>.+)",
    re.IGNORECASE,
)
TIME = re.compile(
    r"(?P<month>[a-z]{3})[a-z]* (?P<day>\d{1,2}), (?P<year>\d{4}) "
    r"(?P<hour>\d{1,2})(?P<minute>\d{2})(?P<half> ?[AP]M)?",
    re.IGNORECASE,
)
HEADING = re.compile(r"(?P<title>.+?) (?P<kind>Points Grade|Grade Symbol|Text Grade)(?: <.*>)?\s*")
MAXIMUM = re.compile(r"<.*\bMaxPoints:\s*(?P<points>[\d.,]+)")
DROPPED = re.compile(r"[<>:\"/\\|?*]")  # from a name in a file's name


class Brightspace(Lms):
    """D2L's Brightspace."""

    name = "brightspace"
    title = "Brightspace"
    rosters = "Brightspace's grades"
    heading = HEADING
    columns = Columns(
        first=("first name",),
        last=("last name",),
        email=("email",),
        login=("username",),
        lms_id=("orgdefinedid", "org defined id"),
        role=("role",),
        marks="#",
    )

    def is_roster(self, table: Table) -> bool:
        return self.columns.has(table, "lms_id") or (
            self.columns.has(table, "login") and table.column("end-of-line indicator") is not None
        )

    def is_download(self, files: list[File]) -> bool:
        return mostly(files, NAME.search)

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        match = NAME.search(path)
        if match is None:
            return None
        handed_in = _time(match["time"], zone)
        return Found(
            file,
            match["name"],
            group=match["folder"],
            person=match["person"],
            handed_in=handed_in,
            attempt=handed_in.time.isoformat() if handed_in.time else "",
        )

    def is_no_submission(self, path: str) -> bool:
        return PurePosixPath(path).name == "index.html"

    def spellings(self, person: Person) -> set[str]:
        return {*usual_spellings(person), fold(DROPPED.sub("", person.name))}

    def grade_headings(self, assignment: Assignment) -> set[str]:
        return {assignment.title, assignment.name}

    def stated_maximum(self, table: Table, column: int) -> str:
        match = MAXIMUM.search(table.rows[0][column])
        return match["points"] if match else ""

    def why_no_points(self, table: Table, column: int) -> str:
        match = HEADING.fullmatch(table.rows[0][column])
        is_other = match is not None and match["kind"] != "Points Grade"
        return f"a {match['kind'].lower()}" if match and is_other else ""

    def feedback_name(self, path: str, assignment: str) -> str | None:
        match = NAME.search(path)
        return f"{match['folder']}/{assignment}.html" if match else None


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _time(text: str, zone: tzinfo) -> Stamp:
    """The time in "Oct 14, 2026 921 PM", to the minute; unknown in any other language."""
    match = TIME.fullmatch(text)
    if match is None or match["month"].casefold() not in MONTHS:
        return Stamp(text, None)
    hour, half = int(match["hour"]), (match["half"] or "").strip().casefold()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    month = MONTHS.index(match["month"].casefold()) + 1
    try:
        time = datetime(int(match["year"]), month, int(match["day"]), hour, int(match["minute"]))
        return stamp_of(time, zone)
    except (ValueError, OverflowError):
        return Stamp(text, None)
