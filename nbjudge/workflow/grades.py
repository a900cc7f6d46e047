"""`nbjudge grades` and `nbjudge return`: export of grades and feedback to an LMS."""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from nbjudge.core.course import Assignment, Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_bytes
from nbjudge.core.people import Person, fold
from nbjudge.core.tables import Table, harmless, read_table, write_table
from nbjudge.core.term import Total
from nbjudge.gradebook import penalties
from nbjudge.gradebook.connection import find_submitted, gradebook_errors, read_gradebook
from nbjudge.gradebook.points import Points, entered_points
from nbjudge.gradebook.students import known_students
from nbjudge.judge.verdicts import read_record
from nbjudge.lms.base import Key, Lms
from nbjudge.lms.collected import read_origin
from nbjudge.lms.counting import why_unknown
from nbjudge.lms.registry import LMSS, lms_of_grade_file, person_of


@dataclass(frozen=True)
class Score:
    """One student's score for one assignment."""

    person: Person
    assignment: str
    status: str  # "graded", or why there is no grade yet, in a few words
    points: float = 0.0  # after the late penalty
    maximum: float = 0.0
    penalty: float = 0.0

    @property
    def is_graded(self) -> bool:
        return self.status == "graded"

    @property
    def shown(self) -> str:
        return f"{round(self.points, 2):g}"


TOTAL = "total"
NOTHING_SUBMITTED = "nothing submitted"
WAITING = "waits for a person to grade"
CHECK_AGAIN = "waits for a person to look again at"


def scores(course: Course, assignment: str, so_far: bool = False) -> list[Score]:
    """The score of everyone in the gradebook, by name; nothing is written.

    Penalties are those in the gradebook, which `penalties.refresh` updates.
    With `so_far`, there is a grade even if manual points are still missing.

    Raises CourseError if the gradebook cannot be used.
    """
    course.assignment(assignment)
    people = known_students(course)
    entered = entered_points(course, assignment)
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        if not people:
            raise CourseError(
                "There are no students in the gradebook, so there are no grades: enter them with "
                "`nbjudge roster`, or grade a submission."
            )
        return [
            _score(course, gradebook, person, assignment, entered.get(person.student, []), so_far)
            for person in people
        ]


def _score(
    course: Course,
    gradebook: Gradebook,
    person: Person,
    assignment: str,
    entered: list[Points],
    so_far: bool,
) -> Score:
    student = person.student
    if not course.has_submission(student, assignment):
        return Score(person, assignment, "nothing submitted")
    if not course.submitted(student, assignment).is_dir():
        return Score(person, assignment, NOTHING_SUBMITTED)
    record = read_record(course.autograded_notebook(student, assignment))
    try:
        submission = find_submitted(gradebook, assignment, student)
    except MissingEntry:
        return Score(person, assignment, "not graded yet")
    if record is None:
        return Score(person, assignment, "not graded yet")
    if record.status == "failed" and submission.needs_manual_grade:
        return Score(person, assignment, f"failed: {record.reason}")
    if reason := why_unknown(course, student, assignment):
        return Score(person, assignment, reason)
    taken = penalties.entered(gradebook, assignment, student)
    waits = submission.needs_manual_grade and not so_far
    points, maximum = submission.score - taken, submission.max_score
    status = _why_waiting(entered) if waits else "graded"
    return Score(person, assignment, status, points, maximum, taken)


def _why_waiting(entered: list[Points]) -> str:
    """Why a submission waits for a person, who may only have to look again at points they gave."""
    waiting = [one for one in entered if one.waits]
    if waiting and all(one.is_override_to_check for one in waiting):
        return f"{CHECK_AGAIN} {', '.join(one.grade_id for one in waiting)}"
    return WAITING


def write_grades(
    course: Course, found: list[Score], path: Path, totals: Iterable[Total] = ()
) -> None:
    """Write all scores to a CSV in nbjudge's format: a row for each student and assignment.

    totals: of the term, each in a row below, whose assignment is called `TOTAL`
    """
    header = "student last_name first_name email assignment points maximum late_penalty status"
    rows = [header.split()]
    for score in found:
        person = score.person
        who = harmless((person.student, person.last_name, person.first_name, person.email))
        numbers = [score.shown, f"{score.maximum:g}", f"{round(score.penalty, 2):g}"]
        numbers = numbers if score.is_graded else ["", "", ""]
        rows.append([*who, score.assignment, *numbers, *harmless([score.status])])
    rows += [_total_row(total) for total in totals]
    write_table(Table(path, rows, newline="\n"), path)


def _total_row(total: Total) -> list[str]:
    person, status = total.person, total.status
    who = harmless((person.student, person.last_name, person.first_name, person.email))
    numbers = [f"{round(total.points, 2):g}", f"{round(total.maximum, 2):g}", ""]
    if total.is_graded:
        status += "".join(f"; {name} is dropped" for name in total.dropped)
        kept = [name for name in total.missing if name not in total.dropped]
        status += "".join(f"; nothing submitted for {name}, which counts as 0" for name in kept)
    return [*who, TOTAL, *(numbers if total.is_graded else ["", "", ""]), *harmless([status])]


@dataclass(frozen=True)
class Filled:
    """An LMS's table with grades filled in, and the students left out."""

    table: Table
    written: int
    points: float  # in all, as they are written
    left: list[tuple[str, str]]  # students without a grade, and why


def fill(
    course: Course,
    assignment: str,
    found: list[Score],
    path: Path,
    column: str | None = None,
    out_of: float | None = None,
) -> Filled:
    """The LMS's file for grades at `path`, filled with the scores `found`.

    out_of: the maximum of the column, to which points are converted; None: not converted

    Only cells of graded students change. Raises CourseError if the file is not one for grades, has
    no column for the assignment, takes no points there, or expects a different number of them.
    """
    table = read_table(path)
    lms = lms_of_grade_file(table)
    place = _grade_column(table, lms, course.assignment(assignment), column)
    if what := lms.why_no_points(table, place):
        raise CourseError(f"{path} takes {what} for {assignment}, and no points: change the LMS.")
    keys = lms.keys(table)
    by_student = {score.person.student: score for score in found}
    people = [score.person for score in found]
    participants = _participants(course, assignment, lms, people)
    ours = next((score.maximum for score in found if score.is_graded), None)
    stated = _points(lms.stated_maximum(table, place))
    _check_maximum(table, stated, ours if out_of is None else out_of)
    factor = 1.0 if out_of is None or not ours else out_of / ours
    rows, written, total = [table.rows[0]], 0, 0.0
    left: list[tuple[str, str]] = []
    listed: set[str] = set()
    for row, key in zip(table.rows[1:], keys, strict=True):
        rows.append(row)
        try:
            person = participants.get(key.participant) if key else None
            person = person or person_of(people, key)
        except CourseError as error:
            left.append((" ".join(row[:2]), str(error)))
            continue
        if person is None:
            left += [(_shown(key), "not in the gradebook, but in the LMS's file")] if key else []
            continue
        score = by_student[person.student]
        listed.add(person.student)
        points = score.points * factor
        if not score.is_graded:
            left.append((person.student, score.status))
        elif reason := lms.why_kept(table, row, place):
            left.append((person.student, reason))
        elif stated is not None and points > stated and not lms.takes_more:
            left.append((person.student, f"{points:g} points are above the LMS's {stated:g}"))
        else:
            shown = f"{round(points, 2):g}"
            total += float(shown)
            shown = shown.replace(".", ",") if table.delimiter == ";" else shown
            rows[-1] = [*row[:place], shown, *row[place + 1 :]]
            written += 1
    left += [
        (student, "not in the LMS's file")
        for student, score in by_student.items()
        if student not in listed and score.is_graded
    ]
    return Filled(replace(table, rows=rows), written, total, left)


def _participants(
    course: Course, assignment: str, lms: Lms, people: list[Person]
) -> dict[str, Person]:
    """The student of each participant whom the LMS numbers, by what was collected from it."""
    found = {}
    for person in people:
        origin = read_origin(course.submitted(person.student, assignment))
        if origin.lms == lms.name:
            found.update({number: person for p in origin.paths if (number := lms.participant(p))})
    return found


def _shown(key: Key | None) -> str:
    """A student of whom only the LMS's file tells."""
    return (key.name or key.email or key.student or key.lms_id or key.participant) if key else ""


def _grade_column(table: Table, lms: Lms, assignment: Assignment, column: str | None) -> int:
    headings = lms.grade_headings(assignment) if column is None else {column}
    wanted = {fold(heading) for heading in headings}
    places = [
        place
        for place, heading in enumerate(table.rows[0])
        if {fold(name) for name in lms.heading_names(heading)} & wanted
    ]
    if len(places) != 1:
        how_many = "several columns" if places else "no column"
        raise CourseError(
            f"{table.path} has {how_many} for {assignment.title!r}; name one with --column."
        )
    return places[0]


def _points(stated: str) -> float | None:
    """The maximum points that an LMS has written; None if it has not."""
    try:
        return float(stated.replace(",", "."))
    except ValueError:
        return None


def _check_maximum(table: Table, stated: float | None, maximum: float | None) -> None:
    """Refuse a file whose maximum points differ from those that are to be written."""
    if stated is not None and maximum is not None and stated != maximum:
        raise CourseError(
            f"{table.path} expects grades out of {stated:g} points, not out of {maximum:g}: set "
            f"this in the LMS and download the file again, or convert with --out-of {stated:g}."
        )


def feedback_zip(course: Course, assignment: str, students: list[str], path: Path) -> list[str]:
    """Zip the feedback pages of `students` under names that their LMS recognizes.

    Returns the students, sorted, whose LMS is unknown; their pages are named after them.
    """
    unknown = []
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for student in sorted(students):
            name = _returned_name(course, student, assignment)
            if name is None:
                unknown.append(student)
                name = f"{student}.html"
            page = course.feedback_page(student, assignment)
            archive.writestr(name, page.read_bytes())
    write_bytes(path, content.getvalue())
    return unknown


def _returned_name(course: Course, student: str, assignment: str) -> str | None:
    """The name by which an LMS assigns a page to `student`, from the submission's name."""
    origin = read_origin(course.submitted(student, assignment))
    if origin.lms not in LMSS:
        return None
    names = (LMSS[origin.lms].feedback_name(path, assignment) for path in origin.paths)
    return next((name for name in names if name), None)
