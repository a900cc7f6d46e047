"""CSV files of learning management systems, written back in the format in which they were read."""

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_bytes

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """A CSV file: its rows, of which the first is the header, and its format."""

    path: Path
    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\r\n"
    before: str = ""  # the lines before the header, as they are in the file

    def column(self, *names: str) -> int | None:
        """The column headed by the first of `names` that is a heading, ignoring case."""
        header = [name.strip().casefold() for name in self.rows[0]]
        return next((header.index(name) for name in names if name in header), None)


def read_table(path: Path) -> Table:
    """The table at `path`: UTF-8, UTF-16 or Windows-1252, with commas, semicolons or tabs.

    Raises CourseError if there is no such file, or if it has no header and rows.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from error
    encoding = _encoding(data)
    try:
        before, text = _split(data.decode(encoding))
        first = text.splitlines()[0]
        delimiter = max(DELIMITERS, key=first.count)
        lines = io.StringIO(text, newline="")
        rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
    except (UnicodeDecodeError, IndexError, csv.Error) as error:
        raise CourseError(f"{path} is not a CSV file.") from error
    if first.count(delimiter) == 0 or len(rows) < 2:
        raise CourseError(f"{path} is not a CSV file with a header and rows.")
    width = len(rows[0])
    rows = [row + [""] * (width - len(row)) for row in rows]
    return Table(path, rows, delimiter, encoding, "\r\n" if "\r\n" in text else "\n", before)


def _split(text: str) -> tuple[str, str]:
    """The lines of `text` before its header, and the rest.

    Spreadsheets write `sep=;` there; Sakai the assignment's title, the kind of its grades and an
    empty line.
    """
    lines = text.splitlines(keepends=True)
    start = 1 if re.match(r"sep=.\s*$", lines[0], re.IGNORECASE) else 0
    headers = [n for n, line in enumerate(lines[:6]) if SAKAIS_HEADER.match(line)]
    start = headers[0] if headers else start
    return "".join(lines[:start]), "".join(lines[start:])


SAKAIS_HEADER = re.compile(r'"?display id"?[,;\t]', re.IGNORECASE)


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "cp1252"


def write_table(table: Table, path: Path) -> None:
    """Write `table` to `path`, with its own delimiter, encoding and line endings."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=table.delimiter, lineterminator=table.newline)
    writer.writerows(table.rows)
    write_bytes(path, (table.before + text.getvalue()).encode(table.encoding))


def harmless(cells: Iterable[str]) -> list[str]:
    """`cells` as text that no spreadsheet interprets as a formula."""
    return [f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells]
