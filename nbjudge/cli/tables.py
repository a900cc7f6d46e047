"""Tables on stdout."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nbjudge.judge.verdicts import Record
from nbjudge.shared.text import plain


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` below `header`; their text is never interpreted as markup."""
    table = Table(*header)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def print_records(records: Sequence[Record], handed_in: dict[str, str] | None = None) -> None:
    """Print the table of scores; `handed_in` describes each invented student's file."""
    header = ("student", *(["submitted"] if handed_in else []), "score", "what was found")
    rows = []
    for record in records:
        is_graded = record.status == "graded"
        shown = f"{record.score:g} / {record.points:g}" if is_graded else "failed"
        extra = [handed_in.get(record.student, "")] if handed_in else []
        rows.append((record.student, *extra, shown, _found(record)))
    print_table(header, rows)
    if failed := sum(record.status == "failed" for record in records):
        print(f"{failed} could not be graded and wait for a person; they are not zeros.")


def _found(record: Record) -> str:
    """The recognized misconceptions, or why the submission failed."""
    if record.status == "failed":
        return record.reason
    lost = [verdict for verdict in record.verdicts if verdict.score < verdict.points]
    words = (verdict.words[0] for verdict in lost)
    return "\n".join(dict.fromkeys(words))
