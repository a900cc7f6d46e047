"""`nbjudge collect`: sorting an LMS's download into collected/, and what counts into submitted/."""

import io
import re
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person, find_person
from nbjudge.core.tables import read_table
from nbjudge.core.times import Stamp
from nbjudge.gradebook.students import known_students
from nbjudge.lms.base import Listed, Lms
from nbjudge.lms.collected import Origin, adopt, collected_students, file_name, keep
from nbjudge.lms.counting import Outcome, apply_rules
from nbjudge.lms.downloads import MAX_FILE_BYTES, Found, by_pattern, read_download
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
    """Sort the download at `source` into collected/; returns what could not be placed there.

    Raises CourseError if `source` cannot be read at all.
    """
    course.assignment(assignment)
    zone = course.policies.zone(assignment)
    files = read_download(source)
    made_by = LMSS[lms or "plain"] if lms or pattern else lms_of_download(files)
    expression = _compiled(pattern)
    parsed = by_pattern(files, expression) if expression else made_by.parse(files, zone)
    listed = made_by.worksheet(read_table(worksheet), zone) if worksheet else {}
    outcomes = [Outcome(file.path, "not placed", why, True) for file, why in parsed.unplaced]
    placed, problems = _place(known_students(course), made_by, parsed.found, listed)
    outcomes += problems
    for one in sorted(placed, key=lambda one: (one.student, one.attempt)):
        adopt(course, one.student, assignment)
        problem = _keep(course, assignment, made_by, one)
        outcomes += [problem] if problem else []
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
            first = replace(first, person=row.name or first.person, email=row.email)
            stamp = row.handed_in or stamp
        try:
            student = _student(people, lms, first)
            for other in placed[student]:
                if not first.attempt or first.attempt == other.attempt:
                    raise CourseError(f"{student} has also submitted {other.files[0].file.path}")
        except CourseError as error:
            problems.append(Outcome(first.file.path, "not placed", str(error), True))
        else:
            placed[student].append(Placed(student, group, stamp))
    return [one for submissions in placed.values() for one in submissions], problems


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"--pattern is not a regular expression: {error}.") from error
    if not compiled.groupindex.keys() & {"student", "email", "lms_id", "person"}:
        raise CourseError("--pattern needs a group that names the student, like (?P<student>.+).")
    return compiled


def _student(people: list[Person], lms: Lms, found: Found) -> str:
    """The gradebook name of the submitter.  Raises CourseError if that would be a guess."""
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


def _keep(course: Course, assignment: str, lms: Lms, placed: Placed) -> Outcome | None:
    """Add one submission to collected/, unless it is there; returns the problem if this fails."""
    contents: dict[str, bytes] = {}
    for one in placed.files:
        if one.file.size > MAX_FILE_BYTES:
            detail = f"larger than {MAX_FILE_BYTES // 1_000_000} MB"
            return Outcome(one.file.path, "not placed", detail, True)
        content = one.file.read()
        unpacked = _handed_in(course, assignment, content) if one.name.endswith(".zip") else {}
        contents |= unpacked or {file_name(one.name, assignment, contents): content}
    origin = Origin(
        lms.name,
        tuple(one.file.path for one in placed.files),
        placed.stamp.time if placed.stamp else None,
        any(one.is_late for one in placed.files),
    )
    keep(course, placed.student, assignment, contents, origin, placed.stamp)
    return None


def _handed_in(course: Course, assignment: str, packed: bytes) -> dict[str, bytes]:
    """The notebook and accepted files packed by a course's library; {} for any other zip."""
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
