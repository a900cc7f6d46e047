"""What is wrong with a graded bank, in sentences; nothing, if all is well."""

import json
import re
from html.parser import HTMLParser

from course import FULL, HIDDEN, HIDDEN_NUMBERS, IN_SUBMISSION, SECRET
from entries import ENTRIES, NOTHING, Entry
from ground import NEIGHBOURS, Batch

MOST_MEMORY = 400_000_000
"""Bytes that the grading command may take itself, whatever submissions send."""

LARGEST_PAGE = 2_000_000

BROKEN = ("SyntaxError", "IndentationError", "NameError", "ModuleNotFoundError", "ImportError")
"""Exceptions that an attack's own cells must not end with: it would try nothing."""


def score_of(batch: Batch, entry: Entry) -> str:
    """What is wrong with what `entry` got; nothing if it got what it deserves."""
    record = batch.records.get(entry.student)
    if record is None:
        return f"{entry.name} has no outcome"
    if record.status == "failed":
        fine = entry.deserves in (None, NOTHING) and record.reason
        return "" if fine else f"{entry.name} failed: {record.reason!r}"
    got = {verdict.grade_id: verdict.score for verdict in record.verdicts}
    if got != entry.deserves:
        words = [word for verdict in record.verdicts for word in verdict.words]
        return f"{entry.name} got {got}, deserves {entry.deserves}: {words} {record.notes}"
    entered = batch.gradebook.get(entry.student, {})
    if {name: entered.get(name) for name in got} != got:
        return f"{entry.name} got {got}, and the gradebook has {entered}"
    return ""


def undeserved(batch: Batch) -> list[str]:
    """Entries that got points which they do not deserve."""
    return [entry.name for entry in ENTRIES if any(gap > 0 for gap in _gaps(batch, entry))]


def lost(batch: Batch) -> list[str]:
    """Entries that did not get points which they deserve."""
    return [entry.name for entry in ENTRIES if any(gap < 0 for gap in _gaps(batch, entry))]


def _gaps(batch: Batch, entry: Entry) -> list[float]:
    record = batch.records.get(entry.student)
    got = {verdict.grade_id: verdict.score for verdict in record.verdicts} if record else {}
    deserved = entry.deserves or NOTHING
    return [got.get(name, 0.0) - deserved[name] for name in FULL]


def neighbours_changed(batch: Batch) -> list[str]:
    """Honest students without full points in their records or in the gradebook."""
    wrong = []
    for student in NEIGHBOURS:
        record = batch.records.get(student)
        got = {verdict.grade_id: verdict.score for verdict in record.verdicts} if record else {}
        entered = batch.gradebook.get(student, {})
        if got != FULL or {name: entered.get(name) for name in FULL} != FULL:
            wrong.append(f"{student}: {got}, in the gradebook {entered}")
    return wrong


def aborts(batch: Batch) -> list[str]:
    """Commands that ended early, and submissions of which nothing became."""
    wrong = []
    for name, command in (("grade", batch.grading), ("feedback", batch.feedback)):
        if command.exit_code != 0:
            wrong.append(f"lmlib {name} ended with {command.exit_code}: {command.output[-2000:]}")
        if re.search(r"[^\n\r\t -~\xa0-\U0010ffff]", command.output):
            wrong.append(f"lmlib {name} printed control characters")
        if command.peak > MOST_MEMORY:
            wrong.append(f"lmlib {name} took {command.peak / 1e6:.0f} MB")
    students = [*NEIGHBOURS, *(entry.student for entry in ENTRIES)]
    wrong += [f"{one!r} has no outcome" for one in students if one not in batch.records]
    return wrong


def leaks(batch: Batch) -> list[str]:
    """Canaries and hidden inputs where they do not belong, open doors, and connections."""
    wrong = [f"somebody connected to {what}" for what in batch.connections]
    printed = batch.grading.output + batch.feedback.output
    wrong += [f"{where} was printed" for where, word in SECRET.items() if word in printed]
    for student, text in batch.notebooks.items():
        words = {where: word for where, word in SECRET.items() if not _own(student, word)}
        wrong += [f"{student!r} got {where}" for where, word in words.items() if word in text]
        wrong += [f"{student!r} found open: {line}" for line in _won(text)]
    for student, page in batch.pages.items():
        text = re.sub(r"data:image/[\w+/=;,]+", "", page)
        words = {where: word for where, word in SECRET.items() if not _own(student, word)} | HIDDEN
        wrong += [f"{student!r} is shown {w}" for w, word in words.items() if word in text]
        wrong += [f"{student!r} is shown a hidden {n}…" for n in HIDDEN_NUMBERS if n in text]
    return wrong


def _own(student: str, word: str) -> bool:
    return student == NEIGHBOURS[0] and word == IN_SUBMISSION


def _won(notebook: str) -> list[str]:
    """What code of the bank found open, by what it printed."""
    printed = []
    for cell in json.loads(notebook)["cells"] if notebook else ():
        for output in cell.get("outputs", ()):
            text = output.get("text", "")
            printed += "".join(text).splitlines() if isinstance(text, list | str) else []
    return [line for line in printed if line.startswith("won:")]


def tampering(batch: Batch) -> list[str]:
    """Files that changed, and strangers in the gradebook."""
    known = {*NEIGHBOURS, *(entry.student for entry in ENTRIES)}
    strangers = [f"a student {one!r}" for one in batch.gradebook if one not in known]
    return [f"{path} changed" for path in batch.changed] + strangers


def survivors(batch: Batch) -> list[str]:
    """Processes, files and memory that outlived the batch."""
    return batch.survivors + batch.left


def unsafe_pages(batch: Batch) -> list[str]:
    """Pages that are missing, too large, or hold what could run or load."""
    wrong = []
    for student, record in batch.records.items():
        page = batch.pages.get(student, "")
        if not page and student in batch.gradebook:
            wrong.append(f"{student!r} ({record.status}) has no page")
        if len(page.encode()) > LARGEST_PAGE:
            wrong.append(f"the page of {student!r} has {len(page.encode())} bytes")
        wrong += [f"the page of {student!r} holds {what}" for what in _Page(page).unsafe]
    return wrong


class _Page(HTMLParser):
    """Reads a page, and collects what on it could run, load or send."""

    FORBIDDEN = frozenset(
        "script iframe frame object embed form input button link base audio video source portal "
        "applet foreignobject use image animate set".split()
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.unsafe: list[str] = []
        self.in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        if tag in self.FORBIDDEN:
            self.unsafe.append(f"<{tag}>")
        for name, value in attributes:
            address = "".join((value or "").split()).lower()
            if name.startswith("on") or name in ("srcdoc", "srcset", "formaction", "xlink:href"):
                self.unsafe.append(f"<{tag} {name}>")
            if address.startswith(("javascript:", "vbscript:", "data:text", "file:")):
                self.unsafe.append(f"<{tag} {name}={value}>")
            if name == "src" and not re.fullmatch(r"data:image/webp;base64,[\w+/=]+", address):
                self.unsafe.append(f"<{tag} src={value}>")
            if name == "http-equiv" and address != "content-security-policy":
                self.unsafe.append(f"<meta http-equiv={value}>")
            if name == "style" and ("url(" in address or "@import" in address):
                self.unsafe.append(f"<{tag} style={value}>")

    def handle_data(self, data: str) -> None:
        if self.in_style and re.search(r"url\((?!['\"]?data:)|@import", data):
            self.unsafe.append("a style that loads")

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False


def broken_entries(batch: Batch) -> list[str]:
    """Attacks whose own code does not run, so that they prove nothing."""
    wrong = []
    for entry in ENTRIES:
        notebook = batch.notebooks.get(entry.student)
        if entry.deserves == FULL or not notebook:
            continue
        for cell in json.loads(notebook)["cells"]:
            if cell["metadata"].get("nbjudge", {}).get("origin") != "student":
                continue
            for output in cell.get("outputs", ()):
                if output.get("ename") in BROKEN:
                    wrong.append(f"{entry.name}: {output['ename']}: {output.get('evalue')}")
    return wrong


COUNTS = {
    "undeserved": undeserved,
    "neighbours changed": neighbours_changed,
    "aborts": aborts,
    "leaks": leaks,
    "tampering": tampering,
    "survivors": survivors,
    "deserved points lost": lost,
}


def summary(batch: Batch) -> str:
    """The counts in a line, and what it took."""
    counts = ", ".join(f"{name} {len(find(batch))}" for name, find in COUNTS.items())
    took = f"{batch.grading.seconds:.0f} s, {batch.grading.peak / 1e6:.0f} MB"
    return f"{len(ENTRIES)} entries, {len(NEIGHBOURS)} neighbours, {took}: {counts}"
