"""`nbjudge grades` and `nbjudge return`: grades and feedback as files that an LMS takes."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from nbjudge.core.course import Assignment, Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_bytes
from nbjudge.core.notebooks import read_notebook
from nbjudge.core.tables import Table, harmless, read_table, write_table
from nbjudge.gradebook import lateness
from nbjudge.gradebook.connection import gradebook_errors, open_gradebook
from nbjudge.gradebook.ledger import update_penalty
from nbjudge.judge.verdicts import attached
from nbjudge.lms import collect, roster
from nbjudge.lms.roster import Person


@dataclass(frozen=True)
class Score:
    """What one student has for one assignment."""

    person: Person
    assignment: str
    status: str  # "graded"; or why there is no grade yet, in a few words
    points: float = 0.0  # what was lost by lateness is off already
    maximum: float = 0.0
    penalty: float = 0.0

    @property
    def is_graded(self) -> bool:
        return self.status == "graded"

    @property
    def shown(self) -> str:
        return f"{round(self.points, 2):g}"


WAITING = "waits for a person to grade"
CHANGEABLE = ("grade can be changed", "bewertung kann geändert werden")
NOT_TO_FILL = ("EX", "N/A")
"""What Canvas writes where a student is excused, or the assignment is not theirs."""


def scores(course: Course, assignment: str, so_far: bool = False) -> list[Score]:
    """The score of everyone in the gradebook, by name.

    With `so_far`, points still to be given by people do not hold a grade back.

    Raises CourseError where the gradebook cannot be used.
    """
    course.assignment(assignment)
    people = roster.known(course)
    with gradebook_errors(course), open_gradebook(course) as gradebook:
        return [_score(course, gradebook, person, assignment, so_far) for person in people]


def _score(
    course: Course, gradebook: Gradebook, person: Person, assignment: str, so_far: bool
) -> Score:
    student = person.student
    if not course.submitted(student, assignment).is_dir():
        return Score(person, assignment, "nothing handed in")
    path = course.autograded_notebook(student, assignment)
    record = attached(read_notebook(path)) if path.is_file() else None
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return Score(person, assignment, "not graded yet")
    if record is None:
        return Score(person, assignment, "not graded yet")
    if record.status == "failed" and submission.needs_manual_grade:
        return Score(person, assignment, f"failed: {record.reason}")
    if collect.is_late_unknown(course, student, assignment):
        return Score(person, assignment, "late, nobody knows by how much")
    update_penalty(course, gradebook, record)
    taken = lateness.penalty(gradebook, assignment, student)
    waits = submission.needs_manual_grade and not so_far
    points, maximum = submission.score - taken, submission.max_score
    return Score(person, assignment, WAITING if waits else "graded", points, maximum, taken)


def write_grades(course: Course, found: list[Score], path: Path) -> None:
    """Write all scores to a CSV of our own: a row for each student and assignment."""
    header = "student last_name first_name email assignment points maximum late_penalty status"
    rows = [header.split()]
    for score in found:
        person = score.person
        who = harmless((person.student, person.last_name, person.first_name, person.email))
        numbers = [score.shown, f"{score.maximum:g}", f"{round(score.penalty, 2):g}"]
        numbers = numbers if score.is_graded else ["", "", ""]
        rows.append([*who, score.assignment, *numbers, *harmless([score.status])])
    write_table(Table(path, rows, newline="\n"), path)


@dataclass(frozen=True)
class Filled:
    """An LMS's table with grades in it, and what was left out of it."""

    table: Table
    written: int
    left: list[tuple[str, str]]  # who has no grade, and why


def fill(
    course: Course, assignment: str, found: list[Score], path: Path, column: str | None = None
) -> Filled:
    """Canvas's gradebook or Moodle's grading worksheet at `path`, filled with the scores `found`.

    Only cells of students who are graded change. Raises CourseError where the file is neither,
    has no column for the assignment, or expects another number of points.
    """
    table = read_table(path)
    place = _grade_column(table, course.assignment(assignment), column)
    find = _row_finder(table, [score.person for score in found])
    by_student = {score.person.student: score for score in found}
    maximum = next((score.maximum for score in found if score.is_graded), None)
    _check_maximum(table, place, maximum)
    is_locked = table.column(*CHANGEABLE)
    rows, written = [table.rows[0]], 0
    left: list[tuple[str, str]] = []
    listed: set[str] = set()
    for row in table.rows[1:]:
        rows.append(row)
        try:
            person = find(row)
        except CourseError as error:
            left.append((" ".join(row[:2]), str(error)))
            continue
        if person is None:
            continue
        score = by_student[person.student]
        listed.add(person.student)
        if not score.is_graded:
            left.append((person.student, score.status))
        elif is_locked is not None and row[is_locked].strip().casefold() in ("no", "nein"):
            left.append((person.student, "the LMS has locked this grade"))
        elif row[place].strip() in NOT_TO_FILL:
            left.append((person.student, f"the LMS has {row[place].strip()} there"))
        else:
            shown = score.shown.replace(".", ",") if table.delimiter == ";" else score.shown
            rows[-1] = [*row[:place], shown, *row[place + 1 :]]
            written += 1
    left += [
        (student, "not in the LMS's file")
        for student, score in by_student.items()
        if student not in listed and score.is_graded
    ]
    return Filled(replace(table, rows=rows), written, left)


def _grade_column(table: Table, assignment: Assignment, column: str | None) -> int:
    header = table.rows[0]
    if column is not None:
        wanted = {roster.fold(column)}
    elif table.column(*CHANGEABLE) is not None:  # Moodle's worksheet is of one assignment
        wanted = {"grade", "bewertung"}
    else:
        wanted = {roster.fold(assignment.title), roster.fold(assignment.name)}
    places = [
        place
        for place, name in enumerate(header)
        if {roster.fold(name), roster.fold(re.sub(r"\s*\(\d+\)\s*$", "", name))} & wanted
    ]
    if len(places) != 1:
        how_many = "several columns" if places else "no column"
        raise CourseError(
            f"{table.path} has {how_many} for {assignment.title!r}; name one with --column."
        )
    return places[0]


def _row_finder(table: Table, people: list[Person]) -> Callable[[list[str]], Person | None]:
    """How a row of the LMS's table tells the student."""
    canvas = roster.is_canvas_gradebook(table)
    lms_id = table.column("id") if canvas else table.column("sid", "id number", "id-nummer")
    email = table.column(*roster.EMAIL)
    name = table.column(*roster.FULL)
    if lms_id is None and email is None and name is None:
        raise CourseError(
            f"{table.path} is not a file for grades: it needs a column with ids, e-mails or names."
        )

    def cell(row: list[str], place: int | None) -> str:
        return "" if place is None else row[place].strip()

    def find(row: list[str]) -> Person | None:
        if canvas and not cell(row, lms_id).isdecimal():
            return None  # the row of points possible
        return roster.find(
            people, lms_id=cell(row, lms_id), email=cell(row, email), name=cell(row, name)
        )

    return find


def _check_maximum(table: Table, place: int, maximum: float | None) -> None:
    """Refuse a file whose grades are out of another number of points than ours."""
    if maximum is None:
        return
    told = [row[place] for row in table.rows[1:4] if "points possible" in row[0].casefold()]
    worksheet = table.column("maximum grade", "bestwertung")
    if worksheet is not None:
        told.append(table.rows[1][worksheet])
    for text in told:
        try:
            expected = float(text.replace(",", "."))
        except ValueError:
            continue
        if expected != maximum:
            raise CourseError(
                f"{table.path} expects grades out of {expected:g} points, but the problem set has "
                f"{maximum:g}: set this in the LMS and download the file again."
            )


def feedback_zip(course: Course, assignment: str, students: list[str], path: Path) -> list[str]:
    """Zip the feedback pages of `students` under the names by which their LMS knows them.

    The students whose LMS is not known, whose pages are named after them; they are sorted.
    """
    unknown = []
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for student in sorted(students):
            name = _returned_name(course, student, assignment)
            if name is None:
                unknown.append(student)
                name = f"{student}.html"
            page = course.feedback(student, assignment) / f"{assignment}.html"
            archive.writestr(name, page.read_bytes())
    write_bytes(path, content.getvalue())
    return unknown


def _returned_name(course: Course, student: str, assignment: str) -> str | None:
    """The name that makes an LMS give a page to `student`, from what it called the submission."""
    record = collect.read_record(course.submitted(student, assignment))
    for path in record.get("paths", []):
        if record.get("lms") == "canvas":  # it looks for the ids of student and file
            found = re.match(r".*?_\d+_\d+_", str(path).rpartition("/")[2])
            if found:
                return f"{found[0]}{assignment}.html"
        if record.get("lms") == "moodle":  # it looks for the participant's number and the plugin
            found = re.search(r"[^/]*_\d+_assignsubmission_file", str(path))
            if found:
                return f"{found[0]}_/{assignment}.html"
    return None
