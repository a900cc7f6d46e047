"""`nbjudge regrade`: those who ask for another look are graded again, explained and answered."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person, find_person
from nbjudge.core.tables import Table, harmless, read_table
from nbjudge.gradebook import penalties
from nbjudge.gradebook.points import Points, entered_points
from nbjudge.gradebook.students import known_students
from nbjudge.judge.verdicts import Record
from nbjudge.lms.base import Key
from nbjudge.lms.registry import lms_of_grade_file, person_of
from nbjudge.pages import failures
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import explain, feedback, grade, plan

CELL_HEADINGS = ("cell", "question", "exercise", "grade_id")
ANSWER_HEADINGS = ("points before", "points after", "answer")
NOTHING_SUBMITTED = "There is no submission."


@dataclass(frozen=True)
class Request:
    """One row of the file: who asks, and about which grade cell."""

    student: str  # "" if it is nobody of the course
    cell: str  # "" for all of the submission
    problem: str = ""  # why it cannot be answered


@dataclass(frozen=True)
class Answer:
    """The answer to one request."""

    request: Request
    before: float | None = None
    after: float | None = None
    words: str = ""  # for the student: no hidden value is in it


def read_requests(course: Course, assignment: str, path: Path) -> tuple[Table, list[Request]]:
    """The file with requests, and one request for each of its rows.

    Students are named as in an LMS's file: by id, e-mail, or name; or as in the gradebook. A column
    "cell" or "question" may name the grade cell.

    Raises CourseError if the file is no table, or does not say who asks.
    """
    table = read_table(path)
    keys = lms_of_grade_file(table).keys(table)
    place = table.column(*CELL_HEADINGS)
    submitted = course.students(assignment)
    known = {person.student for person in known_students(course)}
    strangers = [Person(name, "", "", "", "") for name in submitted if name not in known]
    people = [*known_students(course), *strangers]
    found = []
    for row, key in zip(table.rows[1:], keys, strict=True):
        request = _request(people, key, "" if place is None else row[place].strip())
        if request.student and request.student not in submitted:
            request = replace(request, problem=NOTHING_SUBMITTED)
        found.append(request)
    return table, found


def _request(people: list[Person], key: Key | None, cell: str) -> Request:
    if key is None:
        return Request("", cell, "This row is no student's.")
    try:
        person = person_of(people, key) or find_person(people, student=key.name)
    except CourseError as error:
        return Request("", cell, f"Nobody can tell who asks: {error}.")
    if person is None:
        return Request("", cell, "There is no such student.")
    return Request(person.student, cell)


def regrade(
    course: Course,
    assignment: str,
    requests: Iterable[Request],
    executor: NotebookExecutor,
    progress: Callable[[Record], None] = lambda record: None,
) -> list[Answer]:
    """Grade everyone who asks again, write their explanations and feedback, and answer.

    Scores from people stay; the history in the gradebook has every score that changed.

    Raises CourseError as `grade` does.
    """
    requests = list(requests)
    students = sorted({one.student for one in requests if one.student and not one.problem})
    before = entered_points(course, assignment)
    records: dict[str, Record] = {}
    if students:
        work = plan.make(course, assignment, students, force=True)
        done = grade.carry_out(work, executor, progress)
        records = {record.student: record for record in done}
        penalties.refresh(course, assignment, students)
    after = entered_points(course, assignment)
    for student in students:
        found = explain.explain(course, assignment, student, executor)
        explain.write_page(course, found)
        feedback.write_feedback(course, assignment, student)
    return [_answer(one, records.get(one.student), before, after) for one in requests]


def _answer(
    request: Request,
    record: Record | None,
    before: Mapping[str, list[Points]],
    after: Mapping[str, list[Points]],
) -> Answer:
    if request.problem or record is None:
        return Answer(request, words=request.problem)
    if record.status == "failed":
        words = f"It could not be graded: {record.reason}. {failures.advice(record)}"
        return Answer(request, words=words)
    then = _asked(before.get(request.student, []), request.cell)
    now = _asked(after.get(request.student, []), request.cell)
    if not now:
        known = ", ".join(one.grade_id for one in after.get(request.student, []))
        problem = f"There is no cell {request.cell!r}; there are {known}."
        return Answer(replace(request, problem=problem), words=problem)
    first, last = _total(then), _total(now)
    outcome = "The points are as before." if first == last else "The points have changed."
    return Answer(request, first, last, " ".join([outcome, *_said(record, now)]))


def _asked(points: Iterable[Points], cell: str) -> list[Points]:
    return [one for one in points if cell in ("", one.grade_id)]


def _total(points: Iterable[Points]) -> float:
    return sum(one.counts or 0.0 for one in points)


def _said(record: Record, points: Iterable[Points]) -> Iterator[str]:
    """What the judge says of the cells that lost points, and whose points count."""
    verdicts = {verdict.grade_id: verdict for verdict in record.verdicts}
    for one in points:
        verdict = verdicts.get(one.grade_id)
        if verdict is not None and verdict.score < verdict.points:
            score = f"{verdict.score:g} of {verdict.points:g}"
            yield f"{one.grade_id}, {score} by the machine: {' '.join(verdict.words)}"
        if one.person is not None:
            yield f"{one.grade_id}: a person gave {one.person:g}, which counts."
        elif one.machine is None:
            yield f"{one.grade_id}: a person has still to grade it."


def answers_table(table: Table, answers: Iterable[Answer]) -> Table:
    """The table of requests with the answers in columns of their own, after the last one."""
    rows = [[*table.rows[0], *ANSWER_HEADINGS]]
    for row, answer in zip(table.rows[1:], answers, strict=True):
        numbers = ["" if n is None else f"{round(n, 2):g}" for n in (answer.before, answer.after)]
        rows.append([*row, *numbers, *harmless([answer.words])])
    return replace(table, rows=rows)
