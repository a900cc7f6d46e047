"""Blackboard Learn, Original or Ultra: formats of its files.

Roster, file for grades   the grade center, downloaded to work offline: commas, or tabs in UTF-16;
                          a heading is `Tiny [Total Pts: 5 Score] |1281892`
Download                  `Tiny_ada_attempt_2026-10-14-21-21-05_ps1.ipynb`: title, login, time; and
                          for each attempt a summary, `Tiny_ada_attempt_2026-10-14-21-21-05.txt`. It
                          may hold all attempts

It does not import pages.
"""

import re
from datetime import datetime, tzinfo
from pathlib import PurePosixPath

from nbjudge.core.people import Person, fold, usual_spellings
from nbjudge.core.tables import Table
from nbjudge.core.times import stamp_of
from nbjudge.lms.base import Lms
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import File, Found, mostly

ATTEMPT = re.compile(
    r"(?P<who>.+)_attempt_(?P<time>\d{4}(?:-\d{2}){5})(?:_(?P<name>.+)|(?P<summary>\.txt))"
)
HEADING = re.compile(
    r"(?P<title>.+?) \[Total Pts: (?:up to )?(?P<points>[\d.,]+) ?(?P<kind>[^\]]*)\]\s*\|?\s*\d*"
)


class Blackboard(Lms):
    """Anthology's Blackboard Learn."""

    name = "blackboard"
    title = "Blackboard"
    rosters = "Blackboard's grade center"
    heading = HEADING
    columns = Columns(
        first=("first name",),
        last=("last name",),
        login=("username", "user name"),
        lms_id=("student id",),
    )

    def is_roster(self, table: Table) -> bool:
        is_its_own = table.column("last access", "availability", "child course id") is not None
        is_its_own = is_its_own or any(HEADING.fullmatch(heading) for heading in table.rows[0])
        return is_its_own and self.columns.has(table, "login", "name")

    def is_download(self, files: list[File]) -> bool:
        return mostly(files, lambda path: ATTEMPT.fullmatch(PurePosixPath(path).name))

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        match = ATTEMPT.fullmatch(PurePosixPath(path).name)
        if match is None or match["summary"]:
            return None
        try:
            time = datetime.strptime(match["time"], "%Y-%m-%d-%H-%M-%S")
            handed_in = stamp_of(time, zone)
        except (ValueError, OverflowError):
            return None
        return Found(
            file,
            match["name"],
            group=f"{match['who']}/{match['time']}",
            person=match["who"],
            handed_in=handed_in,
            attempt=match["time"],
        )

    def typed_in(self, path: str) -> str | None:
        match = ATTEMPT.fullmatch(PurePosixPath(path).name)
        return f"{match['who']}/{match['time']}" if match and match["summary"] else None

    def spellings(self, person: Person) -> set[str]:
        logins = {fold(person.student), fold(person.email.partition("@")[0])} - {""}
        return usual_spellings(person) | logins

    def names(self, written: str) -> list[str]:
        """The assignment's title comes before the login, and both may hold a `_`."""
        places = [place for place, letter in enumerate(written) if letter == "_"]
        return [written, *(written[place + 1 :] for place in places)]

    def why_no_points(self, table: Table, column: int) -> str:
        match = HEADING.fullmatch(table.rows[0][column])
        kind = match["kind"].strip() if match else ""
        return f"the display {kind!r}" if kind not in ("", "Score") else ""
