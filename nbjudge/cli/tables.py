"""Tables on stdout."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nbjudge.gradebook.points import Points
from nbjudge.judge.verdicts import CHANGED, TEST_STOPPED, Record
from nbjudge.shared.text import plain


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` below `header`; their text is never interpreted as markup."""
    table = Table(*header)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def print_records(
    records: Sequence[Record],
    handed_in: dict[str, str] | None = None,
    entered: Mapping[str, Mapping[str, Sequence[Points]]] | None = None,
) -> None:
    """Print the table of scores.

    handed_in: describes each invented student's file
    entered:   assignment → student → points in the gradebook
    """
    header = ("student", *(["submitted"] if handed_in else []), "score", "what was found")
    rows = []
    for record in records:
        is_graded = record.status == "graded"
        shown = f"{record.score:g} / {record.points:g}" if is_graded else "failed"
        extra = [handed_in.get(record.student, "")] if handed_in else []
        points = (entered or {}).get(record.assignment, {}).get(record.student, ())
        found = "\n".join([*_found(record), *_to_check_again(points)])
        rows.append((record.student, *extra, shown, found))
    print_table(header, rows)
    if failed := sum(record.status == "failed" for record in records):
        print(f"{failed} could not be graded and wait for a person; they are not zeros.")


def _found(record: Record) -> Iterator[str]:
    """The recognized misconceptions and what is remarkable about the run, or why it failed."""
    if record.status == "failed":
        yield record.reason
        return
    lost = [verdict for verdict in record.verdicts if verdict.score < verdict.points]
    yield from dict.fromkeys(verdict.words[0] for verdict in lost)
    for verdict in lost:
        for words in verdict.words[1:]:
            if words.startswith(TEST_STOPPED):
                yield f"{verdict.grade_id}: {words}"
    changed = [note for note in record.notes if note.endswith(CHANGED)]
    yield from (note for note in record.notes if note not in changed)
    if len(changed) > 1:
        yield f"{len(changed)} given cells had been changed; the originals ran after them."
    else:
        yield from changed


def _to_check_again(points: Iterable[Points]) -> Iterator[str]:
    for one in points:
        if one.is_override_to_check:
            yield (
                f"{one.grade_id}: the {one.person:g} from a person waits to be checked again; "
                f"the machine gives {one.machine:g}."
            )
