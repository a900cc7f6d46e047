"""Columns of an LMS's tables that identify the person of each row."""

import unicodedata
from dataclasses import dataclass, fields

from nbjudge.core.tables import Table


@dataclass(frozen=True)
class Cells:
    """Identity of a person in one row; missing parts are empty."""

    first: str
    last: str
    email: str
    login: str
    lms_id: str
    role: str
    student: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}".strip()


@dataclass(frozen=True)
class Columns:
    """Headings of an LMS's columns, ignoring case; the first one found is used."""

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    full: tuple[str, ...] = ()  # first and last name in one column: "Ada Lovelace", "Lovelace, Ada"
    email: tuple[str, ...] = ()
    login: tuple[str, ...] = ()
    lms_id: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    student: tuple[str, ...] = ()  # the name in the gradebook, to be taken as it is
    marks: str = ""  # what the LMS puts before its ids

    def places(self, table: Table) -> dict[str, int]:
        """The positions of the columns in `table`, by the names of the fields above."""
        names = [one.name for one in fields(self) if one.name != "marks"]
        found = {name: table.column(*getattr(self, name)) for name in names}
        return {what: place for what, place in found.items() if place is not None}

    def has(self, table: Table, *wanted: str) -> bool:
        """Whether `table` has all the `wanted` columns; "name" is a name in one column or two."""
        places = self.places(table).keys()
        has_name = "full" in places or {"first", "last"} <= places
        return all(has_name if what == "name" else what in places for what in wanted)

    def read(self, table: Table) -> list[Cells]:
        """The person in each row of `table` below its header."""
        places = self.places(table)

        def cells(row: list[str]) -> Cells:
            said = {
                what: unicodedata.normalize("NFC", row[place].strip().lstrip(self.marks or None))
                for what, place in places.items()
            }
            full = said.pop("full", "")
            if "first" not in said or "last" not in said:
                said["first"], said["last"] = _split(full)
            return Cells(**{one.name: said.get(one.name, "") for one in fields(Cells)})

        return [cells(row) for row in table.rows[1:]]


def _split(full: str) -> tuple[str, str]:
    """First and last name of "Lovelace, Ada" or "Ada Lovelace"."""
    if "," in full:
        last, _, first = full.partition(",")
        return first.strip(), last.strip()
    first, _, last = full.rpartition(" ")
    return first.strip(), last.strip()
