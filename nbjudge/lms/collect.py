"""`nbjudge collect`: sorting an LMS's download into collected/, and what counts into submitted/."""

import io
import json
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import NOT_KEPT
from nbjudge.core.people import Person, find_person
from nbjudge.core.tables import read_table
from nbjudge.core.times import Stamp
from nbjudge.gradebook.students import known_students
from nbjudge.judge.intake import shown, why_too_large
from nbjudge.lms.base import Listed, Lms
from nbjudge.lms.collected import (
    Origin,
    adopt,
    collected_students,
    file_name,
    keep,
    natural,
)
from nbjudge.lms.counting import Outcome, apply_rules, told
from nbjudge.lms.downloads import PATTERN_GROUPS, PATTERN_WHO, Found, by_pattern, read_download
from nbjudge.lms.registry import LMSS, any_spelling, lms_of_download


@dataclass(frozen=True)
class Placed:
    """A submission in a download, and its student."""

    student: str
    files: list[Found]
    stamp: Stamp | None

    @property
    def attempt(self) -> str:
        return self.files[0].attempt


def collect(
    course: Course,
    assignment: str,
    source: Path | None = None,
    lms: str | None = None,
    pattern: str | None = None,
    worksheet: Path | None = None,
) -> list[Outcome]:
    """Sort the download at `source` into collected/, and submissions that count into submitted/.

    Without a `source`, the rules are only applied again to earlier submissions.

    lms:       the source of the download, a name in LMSS; None: recognized by file names
    pattern:   a regular expression for paths, used instead of the LMS's naming scheme
    worksheet: a table of the LMS that identifies the participants in its names

    Raises CourseError if `source` cannot be read at all.
    """
    course.assignment(assignment)
    people = known_students(course)
    outcomes: list[Outcome] = []
    if source is not None:
        outcomes = keep_download(course, assignment, source, lms, pattern, worksheet)
    collected = collected_students(course, assignment)
    outcomes += [apply_rules(course, student, assignment) for student in collected]
    outcomes += [
        Outcome(person.student, "nothing submitted", person.name)
        for person in people
        if person.student not in collected and not course.has_submission(person.student, assignment)
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
    """Sort the download at `source` into collected/; returns what could not be placed there.

    Raises CourseError if `source` cannot be read at all.
    """
    course.assignment(assignment)
    zone = course.policies.zone(assignment)
    files = read_download(source)
    made_by = LMSS[lms or "plain"] if lms or pattern else lms_of_download(files)
    expression = _compiled(pattern)
    parsed = by_pattern(files, expression, zone) if expression else made_by.parse(files, zone)
    listed = made_by.worksheet(read_table(worksheet), zone) if worksheet else {}
    outcomes = [Outcome(file.path, "not placed", why, True) for file, why in parsed.unplaced]
    placed, problems = _place(known_students(course), made_by, parsed.found, listed)
    outcomes += problems
    for one in sorted(placed, key=lambda one: (one.student, natural(one.attempt))):
        try:
            adopt(course, one.student, assignment)
            outcomes += _keep(course, assignment, made_by, one)
        except (CourseError, OSError) as error:  # one student never stops the others
            outcomes.append(Outcome(one.student, "not placed", told(error), True))
    return outcomes


def _place(
    people: list[Person], lms: Lms, found: list[Found], listed: dict[str, Listed]
) -> tuple[list[Placed], list[Outcome]]:
    """The submissions whose student is known, and what could not be placed."""
    groups: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        groups[one.group].append(one)
    placed: dict[str, list[Placed]] = defaultdict(list)
    problems = []
    for group in groups.values():
        first, stamp = group[0], group[0].handed_in
        if row := listed.get(first.participant):
            name = row.name or first.person
            first = replace(first, person=name, email=row.email, lms_id=row.lms_id)
            stamp = row.handed_in or stamp
        try:
            student = _student(people, lms, first)
        except CourseError as error:
            problems.append(Outcome(first.file.path, "not placed", str(error), True))
        else:
            placed[student].append(Placed(student, group, stamp))
    for student, several in list(placed.items()):
        attempts = [one.attempt for one in several]
        if len(several) > 1 and ("" in attempts or len(set(attempts)) < len(attempts)):
            del placed[student]
            problems += [_not_told_apart(one, several) for one in several]
    return [one for submissions in placed.values() for one in submissions], problems


def _not_told_apart(one: Placed, several: list[Placed]) -> Outcome:
    """The problem of a submission that may be older or newer than others of the same download."""
    path = one.files[0].file.path
    others = " and ".join(o.files[0].file.path for o in several if o is not one)
    why = f"{one.student} has also submitted {others}, and nothing says which is newer"
    return Outcome(path, "not placed", why, True)


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"--pattern is not a regular expression: {error}.") from error
    if not compiled.groupindex.keys() & set(PATTERN_WHO):
        raise CourseError("--pattern needs a group that names the student, like (?P<student>.+).")
    if unknown := compiled.groupindex.keys() - set(PATTERN_GROUPS):
        raise CourseError(
            f"--pattern has the unknown group {min(unknown)!r}; there are "
            f"{', '.join(PATTERN_GROUPS)}."
        )
    return compiled


def _student(people: list[Person], lms: Lms, found: Found) -> str:
    """The gradebook name of the submitter.  Raises CourseError if that would be a guess."""
    if found.anonymous and not (found.person or found.email or found.lms_id):
        return found.anonymous
    if not people and found.student:  # a plain folder needs no roster
        if not re.fullmatch(r"\w[\w.@ -]*", found.student):
            raise CourseError(f"{found.student!r} cannot be a student's name in the gradebook")
        return found.student
    if not people:
        raise CourseError(
            "the gradebook has no students yet: import a roster with `nbjudge roster`"
        )
    person = find_person(people, lms_id=found.lms_id, email=found.email, student=found.student)
    for name in lms.names(found.person):
        person = person or find_person(people, name=name, spellings=any_spelling)
    if person is None:
        raise CourseError(
            f"no student in the roster is {found.person or found.lms_id or found.email}"
        )
    return person.student


def _keep(course: Course, assignment: str, lms: Lms, placed: Placed) -> list[Outcome]:
    """Add one submission to collected/, unless it is there; returns the files not kept with it.

    Whatever is wrong with a student's file is noted next to the others, so that grading can say it.
    """
    most = course.assignment(assignment).limits.submission_bytes
    contents: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    outcomes = []
    for one in placed.files:
        name = file_name(one.name, assignment, contents.keys() | refused.keys())
        content, reason = _content(one, name, most)
        if reason:
            refused[name] = reason
            outcomes.append(Outcome(one.file.path, "not read", reason, True))
            continue
        is_zip = one.name.casefold().endswith(".zip")
        contents |= (_handed_in(course, assignment, content) if is_zip else {}) or {name: content}
    if refused:
        contents[NOT_KEPT] = json.dumps(refused, ensure_ascii=False, indent=1).encode()
    origin = Origin(
        lms.name,
        tuple(one.file.path for one in placed.files),
        placed.stamp.time if placed.stamp else None,
        any(one.is_late for one in placed.files),
        placed.attempt,
    )
    keep(course, placed.student, assignment, contents, origin, placed.stamp)
    return outcomes


def _content(found: Found, name: str, most_bytes: int) -> tuple[bytes, str]:
    """The content of a student's file, or else why it is not kept."""
    if found.file.size > most_bytes:
        return b"", why_too_large(shown(name), most_bytes)
    try:
        return found.file.read(most_bytes), ""
    except Exception as error:  # a file in a zip can be damaged in many ways
        reason = getattr(error, "strerror", None) or "it is damaged"
        return b"", f"{shown(name)} cannot be opened ({reason})"


def _handed_in(course: Course, assignment: str, packed: bytes) -> dict[str, bytes]:
    """The notebook and accepted files packed by a course's library; {} for any other zip."""
    settings = course.assignment(assignment)
    wanted = {f"{assignment}.ipynb", *settings.files}
    most = settings.limits.submission_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if {member.filename for member in members} - wanted or len(members) > len(wanted):
                return {}
            if any(m.file_size > most or m.compress_type not in COMPRESSIONS for m in members):
                return {}
            return {member.filename: _unpacked(archive, member) for member in members}
    except Exception:  # zipfile raises many kinds for what students hand in, and documents one
        return {}


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        return file.read(member.file_size)  # without a number, it would unpack all at once


COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Kinds that can be unpacked piece by piece, whatever the zip says of its size."""
