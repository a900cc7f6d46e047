"""`nbjudge collect`: an LMS's download, sorted into submitted/ by the course's rules.

collected/<assignment>/<student>/001/   every submission that was ever collected, in order
submitted/<student>/<assignment>/       the one of them that counts, a copy

Nothing in collected/ is ever changed or removed, so submitted/ can be made again when a rule
changes. What lies in submitted/ without having been collected becomes a submission like the others.
"""

import io
import json
import re
import shutil
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from nbgrader.utils import parse_utc

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest, write_bytes, write_text
from nbjudge.core.tables import read_table
from nbjudge.judge import intake
from nbjudge.lms import downloads, roster
from nbjudge.lms.downloads import MAX_FILE_BYTES, Found
from nbjudge.lms.roster import Person

RECORD = "collected.json"
TIMESTAMP = "timestamp.txt"
LONGEST_TIMESTAMP = 1_000  # bytes
OURS = (RECORD, TIMESTAMP)


@dataclass(frozen=True)
class Submission:
    """One submission in collected/."""

    folder: Path
    number: int  # from 1, in the order of collecting
    lms: str
    paths: tuple[str, ...]  # of its files, in the download
    time: datetime | None  # of handing in
    is_late: bool  # by the LMS's own mark


@dataclass(frozen=True)
class Outcome:
    """What became of one student's submission, or of a file that could not be placed."""

    who: str  # the student, or the file
    what: str  # "collected", "unchanged", "nothing handed in", "not placed"
    detail: str = ""
    is_problem: bool = False


def collect(
    course: Course,
    assignment: str,
    source: Path | None = None,
    lms: str | None = None,
    pattern: str | None = None,
    worksheet: Path | None = None,
) -> list[Outcome]:
    """Sort the download at `source` into collected/, and what counts of it into submitted/.

    Without a `source`, the rules are only applied again to what was collected before.

    Raises CourseError where `source` cannot be read at all.
    """
    course.assignment(assignment)
    people = roster.known(course)
    outcomes: list[Outcome] = []
    if source is not None:
        outcomes = keep_download(course, assignment, source, lms, pattern, worksheet)
    collected = collected_students(course, assignment)
    outcomes += [apply_rules(course, student, assignment) for student in collected]
    outcomes += [
        Outcome(person.student, "nothing handed in", person.name)
        for person in people
        if person.student not in collected
        and not course.submitted(person.student, assignment).exists()
    ]
    return outcomes


def keep_download(
    course: Course,
    assignment: str,
    source: Path,
    lms: str | None = None,
    pattern: str | None = None,
    worksheet: Path | None = None,
) -> list[Outcome]:
    """Sort the download at `source` into collected/; what could not be placed there.

    Raises CourseError where `source` cannot be read at all.
    """
    course.assignment(assignment)
    people = roster.known(course)
    submissions, outcomes = _sort(course, assignment, people, source, lms, pattern, worksheet)
    for student, (found, time, made_by) in sorted(submissions.items()):
        adopt(course, student, assignment)
        problem = _keep(course, student, assignment, found, time, made_by)
        outcomes += [problem] if problem else []
    return outcomes


def collected_students(course: Course, assignment: str) -> list[str]:
    """Those of whom a submission of `assignment` was ever collected, sorted."""
    folder = course.collected("any", assignment).parent
    return sorted(path.name for path in folder.glob("[!.]*")) if folder.is_dir() else []


Sorted = dict[str, tuple[list[Found], datetime | None, str]]


def _sort(
    course: Course,
    assignment: str,
    people: list[Person],
    source: Path,
    lms: str | None,
    pattern: str | None,
    worksheet: Path | None,
) -> tuple[Sorted, list[Outcome]]:
    """The files of each student, and what could not be placed."""
    zone = _zone(course, assignment)
    files = downloads.read_download(source)
    made_by = lms or ("plain" if pattern else downloads.name_lms(files))
    found, strange = downloads.parse(files, made_by, zone, _compiled(pattern))
    listed = downloads.read_worksheet(read_table(worksheet), zone) if worksheet else {}
    outcomes = [
        Outcome(file.path, "not placed", downloads.why_strange(file, made_by), True)
        for file in strange
    ]
    groups: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        groups[one.group].append(one)
    placed: Sorted = {}
    for group in groups.values():
        first = group[0]
        try:
            name, email, time = listed.get(first.participant, (first.person, first.email, None))
            student = _student(people, first, name, email)
        except CourseError as error:
            outcomes.append(Outcome(first.file.path, "not placed", str(error), True))
            continue
        if student in placed:
            detail = f"{student} has handed in {placed[student][0][0].file.path} too"
            outcomes.append(Outcome(first.file.path, "not placed", detail, True))
            continue
        placed[student] = group, time or first.time, made_by
    return placed, outcomes


def _zone(course: Course, assignment: str) -> tzinfo:
    """Where an LMS's times without an offset are at home: where the due date is."""
    due = course.policies.of(assignment).due
    return due.tzinfo if due is not None and due.tzinfo is not None else UTC


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"--pattern is not a regular expression: {error}.") from error
    if not compiled.groupindex.keys() & {"student", "email", "lms_id", "person"}:
        raise CourseError("--pattern needs a group that tells the student, like (?P<student>.+).")
    return compiled


def _student(people: list[Person], found: Found, name: str, email: str) -> str:
    """The gradebook name of who handed in.  Raises CourseError where that would be a guess."""
    if not people and found.student:  # a plain folder needs no roster
        if not re.fullmatch(r"\w[\w.@ -]*", found.student):
            raise CourseError(f"{found.student!r} cannot be a student's name in the gradebook")
        return found.student
    if not people:
        raise CourseError(
            "the gradebook has no students yet: import a roster with `nbjudge roster`"
        )
    person = roster.find(people, lms_id=found.lms_id, email=email, student=found.student, name=name)
    rest = name
    while person is None and "-" in rest:  # Moodle puts the group's name in front
        rest = rest.partition("-")[2]
        person = roster.find(people, name=rest)
    if person is None:
        raise CourseError(f"no student of the roster is {name or found.lms_id or email}")
    return person.student


def _keep(
    course: Course,
    student: str,
    assignment: str,
    found: list[Found],
    time: datetime | None,
    lms: str,
) -> Outcome | None:
    """Put one submission into collected/, unless it is there; the problem if it cannot be kept."""
    contents: dict[str, bytes] = {}
    for one in found:
        if one.file.size > MAX_FILE_BYTES:
            detail = f"larger than {MAX_FILE_BYTES // 1_000_000} MB"
            return Outcome(one.file.path, "not placed", detail, True)
        content = one.file.read()
        unpacked = _handed_in(course, assignment, content) if one.name.endswith(".zip") else {}
        contents |= unpacked or {_file_name(one.name, assignment, contents): content}
    for folder in _folders(course, student, assignment):
        if _digest(_contents(folder)) == _digest(contents):
            return None
    record = {
        "lms": lms,
        "paths": [one.file.path for one in found],
        "time": time.isoformat() if time else None,
        "late": any(one.is_late for one in found),
    }
    _write(course, student, assignment, contents, record)
    return None


def _handed_in(course: Course, assignment: str, packed: bytes) -> dict[str, bytes]:
    """What a course's library has packed: a zip's notebook and accepted files; {} for any other zip."""
    wanted = {f"{assignment}.ipynb", *course.assignment(assignment).files}
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if {member.filename for member in members} - wanted or len(members) > len(wanted):
                return {}
            if any(member.file_size > MAX_FILE_BYTES for member in members):
                return {}
            return {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError):
        return {}


def _file_name(name: str, assignment: str, taken: dict[str, bytes]) -> str:
    """A name for a student's file in a flat folder; Canvas's `-1` for a resubmission goes."""
    name = re.sub(r"[^\w. ()+-]", "_", name.replace("/", "__")).lstrip(".") or "file"
    plain = re.sub(r"-\d+(?=\.ipynb$)", "", name)
    if plain == f"{assignment}.ipynb" and plain not in taken:
        name = plain
    while name in taken or name in OURS:
        name = f"_{name}"
    return name[-200:]


def _write(
    course: Course,
    student: str,
    assignment: str,
    contents: dict[str, bytes],
    record: dict[str, Any],
) -> None:
    number = len(_folders(course, student, assignment)) + 1
    folder = course.collected(student, assignment) / f"{number:03}"
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    for name, content in contents.items():
        write_bytes(aside / name, content)
    if record["time"]:
        write_text(aside / TIMESTAMP, timestamp(datetime.fromisoformat(record["time"])))
    write_text(aside / RECORD, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    aside.rename(folder)


def timestamp(time: datetime) -> str:
    """`time` as nbgrader writes it into timestamp.txt."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC\n"


def _folders(course: Course, student: str, assignment: str) -> list[Path]:
    folder = course.collected(student, assignment)
    return sorted(folder.glob("[0-9]*")) if folder.is_dir() else []


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    return {path.name: path.read_bytes() for path in files if path.name not in OURS}


def _digest(contents: dict[str, bytes]) -> str:
    return digest(*(part for item in sorted(contents.items()) for part in item))


def adopt(course: Course, student: str, assignment: str) -> None:
    """Make a submission of what lies in submitted/ without having been collected."""
    folder = course.submitted(student, assignment)
    if not folder.is_dir():
        return
    contents = _contents(folder)
    if contents and not is_kept(course, student, assignment):
        time = read_timestamp(folder)
        shown = time.isoformat() if time else None
        record: dict[str, Any] = {"lms": "by hand", "paths": [], "time": shown, "late": False}
        _write(course, student, assignment, contents, record)


def is_kept(course: Course, student: str, assignment: str) -> bool:
    """Whether what lies in submitted/ is among what was collected before."""
    contents = _digest(_contents(course.submitted(student, assignment)))
    kept = _folders(course, student, assignment)
    return any(_digest(_contents(folder)) == contents for folder in kept)


def read_timestamp(folder: Path) -> datetime | None:
    """When what is in `folder` was handed in, by the timestamp.txt in it."""
    try:
        written = intake.read_file(folder / TIMESTAMP, LONGEST_TIMESTAMP)
        time = parse_utc(written.decode("utf-8").strip())
    except (intake.Unreadable, ValueError, OverflowError):
        return None
    return time.replace(tzinfo=UTC)


def submissions(course: Course, student: str, assignment: str) -> list[Submission]:
    """Every submission of `assignment` that was collected from `student`, oldest first."""
    found = []
    for number, folder in enumerate(_folders(course, student, assignment), 1):
        record = read_record(folder)
        shown = record.get("time")
        found.append(
            Submission(
                folder,
                number,
                str(record.get("lms", "")),
                tuple(record.get("paths", ())),
                datetime.fromisoformat(shown) if shown else None,
                bool(record.get("late")),
            )
        )
    if all(one.time is not None for one in found):
        found.sort(key=lambda one: one.time or datetime.min.replace(tzinfo=UTC))
    return found


def read_record(folder: Path) -> dict[str, Any]:
    """What `nbjudge collect` noted of the submission in `folder`; nothing where it did not."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def counting(course: Course, student: str, assignment: str) -> tuple[Submission | None, str]:
    """The submission that counts by the course's rules, and a sentence on those that do not.

    Raises CourseError where an exception names a submission that there is not.
    """
    policies = course.policies
    policy, exception = policies.of(assignment), policies.exception(student, assignment)
    found = submissions(course, student, assignment)
    if exception.attempt is not None:
        if exception.attempt > len(found):
            raise CourseError(f"course.toml names submission {exception.attempt} of {len(found)}")
        return found[exception.attempt - 1], f"submission {exception.attempt}, by an exception"
    in_time = [one for one in found if policies.is_accepted(student, assignment, one.time)]
    considered = in_time[: policy.attempts]
    notes = []
    if len(in_time) < len(found):
        notes.append(f"{len(found) - len(in_time)} too late to be accepted")
    if len(considered) < len(in_time):
        notes.append(f"{len(in_time) - len(considered)} beyond the {policy.attempts} allowed")
    if not considered:
        return None, ", ".join(notes)
    chosen = considered[-1 if policy.counts == "latest" else 0]
    if len(found) > 1:
        notes.insert(0, f"submission {found.index(chosen) + 1} of {len(found)} counts")
    return chosen, ", ".join(notes)


def apply_rules(course: Course, student: str, assignment: str) -> Outcome:
    """Make submitted/<student>/<assignment> the submission that counts."""
    adopt(course, student, assignment)
    try:
        chosen, note = counting(course, student, assignment)
    except CourseError as error:
        return Outcome(student, "unchanged", str(error), True)
    place = course.submitted(student, assignment)
    if chosen is None and not note:  # it holds nothing that could be kept
        return Outcome(student, "unchanged", "", False)
    if chosen is None:
        if place.exists():
            shutil.rmtree(place)
        return Outcome(student, "not placed", note, True)
    if place.is_dir() and _everything(place) == _everything(chosen.folder):
        return Outcome(student, "unchanged", *_late_note(course, student, assignment, chosen, note))
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{place.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(chosen.folder, aside)
    if place.exists():
        shutil.rmtree(place)
    aside.rename(place)
    return Outcome(student, "collected", *_late_note(course, student, assignment, chosen, note))


def _everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _late_note(
    course: Course, student: str, assignment: str, chosen: Submission, note: str
) -> tuple[str, bool]:
    """`note` with what is to be said of lateness, and whether a person has to act on it."""
    policies = course.policies
    time = policies.exception(student, assignment).handed_in or chosen.time
    deadline = policies.deadline(student, assignment)
    notes = [note] if note else []
    if chosen.is_late and time is None:
        asks = policies.of(assignment).asks_for_times
        remedy = ": give its handed_in in an [[exception]]" if asks else ""
        notes.append(f"late, by how much the LMS does not tell{remedy}")
        return ", ".join(notes), asks
    if time is not None and deadline is not None and time > deadline:
        notes.append(f"late by {in_words(time - deadline)}")
    return ", ".join(notes), False


def is_late_unknown(course: Course, student: str, assignment: str) -> bool:
    """Whether the rules ask by how much a submission is late, and nobody knows."""
    record = read_record(course.submitted(student, assignment))
    time = course.policies.exception(student, assignment).handed_in or record.get("time")
    asks = course.policies.of(assignment).asks_for_times
    return bool(record.get("late")) and time is None and asks


def in_words(late: timedelta) -> str:
    """A time span in its two largest units: 1 day 3 hours, 20 minutes."""
    minutes = max(1, round(late.total_seconds() / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    shown = [f"{number} {unit}{'s' if number > 1 else ''}" for number, unit in parts if number]
    return " ".join(shown[:2])
