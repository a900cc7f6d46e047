"""Results of a class in one assignment, gathered for the report.

Points are nbgrader's, from its gradebook; misconceptions, reasons and the students' own cells are
in the graded notebooks. Nothing is graded, entered or changed here.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from nbformat import NotebookNode, from_dict
from nbgrader.api import Assignment as GradebookAssignment
from nbgrader.api import BaseCell, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import (
    METADATA_KEY,
    extra_credit,
    grade_id,
    is_answer,
    is_solution,
    is_task,
    is_test,
    nbgrader_metadata,
    read_notebook,
    readable,
    scored_file,
    worth,
)
from nbjudge.core.people import Person
from nbjudge.gradebook.connection import gradebook_errors, read_gradebook
from nbjudge.gradebook.rows import has_gradebook
from nbjudge.gradebook.students import known_students
from nbjudge.judge.verdicts import Record, attached, attached_seconds
from nbjudge.pages.feedback_page import UNANSWERED
from nbjudge.shared import markup

OWN_CELL = "own cell after"
"""The name of a cell that a student has added, before the name of the cell that it follows."""

NEARLY_ALL = 0.9  # of those who are graded

Status = Literal["graded", "failed", "not graded yet"]


@dataclass(frozen=True)
class Question:
    """One graded cell or task of the assignment."""

    grade_id: str
    title: str  # the heading above it
    name: str  # the function or part that is meant
    points: float  # the most it gives
    is_task: bool = False  # a person grades it
    is_extra: bool = False  # its points are extra credit
    cells: tuple[str, ...] = ()  # where students answer it
    file: str = ""  # the submitted file that answers it


@dataclass(frozen=True)
class Paper:
    """One student's submission, and its outcome."""

    person: Person
    status: Status
    reason: str = ""  # why it failed
    scores: Mapping[str, float] = field(default_factory=dict)  # points by grade_id; known ones only
    penalty: float = 0.0  # points lost by lateness
    omitted: frozenset[str] = frozenset()  # grade_ids of questions left as they were handed out
    mistakes: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # grade_id → id, sentence
    seconds: float | None = None  # that grading it took
    written: Mapping[str, str] = field(default_factory=dict)  # cell → source, of their own code


@dataclass(frozen=True)
class Results:
    """The results of the whole class in one assignment."""

    name: str
    title: str
    questions: tuple[Question, ...]
    papers: tuple[Paper, ...]  # by student
    missing: tuple[Person, ...]  # on the roster, without a submission
    given: tuple[str, ...]  # code that every student may have

    @property
    def graded(self) -> list[Paper]:
        return [paper for paper in self.papers if paper.status == "graded"]

    @property
    def known(self) -> tuple[Question, ...]:
        """The questions, extra credit apart, that are graded for at least one student."""
        scored = {name for paper in self.graded for name in paper.scores}
        return tuple(
            question
            for question in self.questions
            if question.grade_id in scored and not question.is_extra
        )

    @property
    def maximum(self) -> float:
        """The points of all questions that are graded for at least one student."""
        return sum(question.points for question in self.known)


def total(paper: Paper) -> float:
    """The points of a student so far, extra credit and lateness counted."""
    return max(0.0, sum(paper.scores.values()) - paper.penalty)


def totals(course: Course) -> dict[str, dict[str, float]]:
    """All points, for comparing assignments: assignment → student → points.

    Only questions that are graded for nine in ten students count, and only students who are graded
    in all of these, so that nobody ranks lower for an answer that a person has still to read.
    Lateness does not count.
    """
    found: dict[str, dict[str, float]] = {}
    if not has_gradebook(course):
        return found
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        for name in course.assignments:
            scores, _ = _scores(gradebook, name)
            graded = Counter(question for own in scores.values() for question in own)
            known = {q for q, number in graded.items() if number >= NEARLY_ALL * len(scores)}
            found[name] = {
                student: sum(own[question] for question in known)
                for student, own in scores.items()
                if known <= own.keys()
            }
    return found


def gather(course: Course, assignment: str) -> Results:
    """All results of `assignment`.

    Raises CourseError if there is no release of it, or nothing is graded yet.
    """
    settings = course.assignment(assignment)
    release = read_notebook(course.release(assignment))
    questions = _questions(release)
    people = {person.student: person for person in known_students(course)}
    students = course.students(assignment)
    missing = people.keys() - set(students)
    with gradebook_errors(course), read_gradebook(course) as gradebook:
        scores, waiting = _scores(gradebook, assignment)
        penalties = _penalties(gradebook, assignment)
    handed_out = {cell.id: cell.source.strip() for cell in release.cells}
    papers = []
    for student in students:
        person = people.get(student, Person(student, "", "", "", ""))
        notebook = _read(course.autograded_notebook(student, assignment))
        record = attached(notebook) if notebook is not None else None
        if notebook is None or record is None:
            papers.append(Paper(person, "not graded yet"))
        elif record.status == "failed" and student in waiting:
            papers.append(Paper(person, "failed", record.reason))
        else:
            folder = course.submitted(student, assignment)
            paper = Paper(
                person,
                "graded",
                scores=scores.get(student, {}),
                penalty=penalties.get(student, 0.0),
                omitted=_omitted(questions, notebook, handed_out, folder),
                mistakes=_mistakes(record),
                seconds=attached_seconds(notebook),
                written=_written(notebook, handed_out),
            )
            papers.append(paper)
    if not any(paper.status != "not graded yet" for paper in papers):
        raise CourseError(
            f"Nothing of {assignment} is graded yet; run `nbjudge grade {assignment}`."
        )
    return Results(
        name=assignment,
        title=settings.title,
        questions=questions,
        papers=tuple(papers),
        missing=tuple(person for name, person in people.items() if name in missing),
        given=_given(course, assignment, release),
    )


def _questions(release: NotebookNode) -> tuple[Question, ...]:
    """The graded cells and tasks of the released notebook, each with the cells it is about."""
    questions: list[Question] = []
    heading = ""
    cells: list[str] = []  # solution cells since the last question
    before: list[str] = []  # those of the last question
    for cell in release.cells:
        name = grade_id(cell) or ""
        if cell.cell_type == "markdown" and not is_answer(cell):
            heading = (markup.headings(cell.source) or [heading])[-1]
        is_by_hand = is_solution(cell) and bool(nbgrader_metadata(cell).get("grade"))
        if is_task(cell) or is_by_hand:
            shown = (markup.headings(cell.source) or [""])[0] if is_task(cell) else ""
            own = (cell.id,) if is_by_hand else ()
            questions.append(_question(cell, shown or heading, own, is_task=True))
        elif is_answer(cell) and questions and questions[-1].is_task:
            last = questions.pop()
            questions.append(replace(last, cells=(*last.cells, cell.id)))
        elif is_solution(cell):
            cells.append(name)
        elif is_test(cell):
            before, cells = cells or before, []
            questions.append(_question(cell, heading, tuple(before)))
    return tuple(questions)


def _question(
    cell: NotebookNode, title: str, cells: tuple[str, ...], is_task: bool = False
) -> Question:
    name = grade_id(cell) or ""
    return Question(
        name,
        title or readable(name, is_task),
        readable(name, is_task),
        worth(cell),
        is_task=is_task,
        is_extra=extra_credit(cell) > 0,
        cells=cells,
        file=scored_file(cell),
    )


def _read(path: Path) -> NotebookNode | None:
    """The graded notebook at `path`, unchecked: a class of a thousand is read in seconds."""
    try:
        notebook = from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    is_one = isinstance(notebook, NotebookNode) and {"cells", "metadata"} <= notebook.keys()
    return notebook if is_one else None


def _cells(notebook: NotebookNode, handed_out: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and source of each cell with the student's own code, changed since it was handed out."""
    after = ""
    for number, cell in enumerate(notebook.cells):
        origin = cell.metadata.get(METADATA_KEY, {}).get("origin", "template")
        source = "".join(cell.source)
        if origin != "template":
            yield f"{OWN_CELL} {after or number}", source
            continue
        after = cell.get("id", "")
        is_theirs = is_solution(cell) or is_answer(cell)
        if is_theirs and source.strip() not in ("", *UNANSWERED, handed_out.get(after)):
            yield after, source


def _omitted(
    questions: Iterable[Question],
    notebook: NotebookNode,
    handed_out: Mapping[str, str],
    folder: Path,
) -> frozenset[str]:
    """The questions that a student has left as they were handed out."""
    changed = {name for name, _ in _cells(notebook, handed_out)}
    # text typed into a task's own cell is in a cell after it
    changed |= {name.removeprefix(f"{OWN_CELL} ") for name in changed}
    return frozenset(
        question.grade_id
        for question in questions
        if (not (folder / question.file).is_file() if question.file else bool(question.cells))
        and not changed & {question.grade_id, *question.cells}
    )


def _written(notebook: NotebookNode, handed_out: Mapping[str, str]) -> dict[str, str]:
    """The student's own code, by cell."""
    code = {cell.get("id", "") for cell in notebook.cells if cell.cell_type == "code"}
    written: dict[str, str] = {}
    for name, source in _cells(notebook, handed_out):
        if name in code or name.startswith(OWN_CELL):
            written[name] = f"{written[name]}\n{source}" if name in written else source
    return written


def _mistakes(record: Record) -> dict[str, tuple[str, str]]:
    return {
        verdict.grade_id: (verdict.mistake, verdict.words[0])
        for verdict in record.verdicts
        if verdict.mistake and verdict.words
    }


def _given(course: Course, assignment: str, release: NotebookNode) -> tuple[str, ...]:
    """The code that was handed out and, if this machine has it, the course's own solution."""
    notebooks = [release]
    if course.source(assignment).is_file():
        notebooks.append(read_notebook(course.source(assignment)))
    return tuple(
        cell.source for notebook in notebooks for cell in notebook.cells if cell.cell_type == "code"
    )


def _scores(gradebook: Gradebook, assignment: str) -> tuple[dict[str, dict[str, float]], set[str]]:
    """Known points by student and grade_id; and the students who still wait for some."""
    rows = (
        gradebook.db.query(
            SubmittedAssignment.student_id,
            BaseCell.name,
            Grade.score,
            Grade.auto_score,
            Grade.manual_score,
            Grade.needs_manual_grade,
        )
        .select_from(Grade)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(GradebookAssignment, SubmittedAssignment.assignment_id == GradebookAssignment.id)
        .filter(GradebookAssignment.name == assignment)
    )
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    waiting: set[str] = set()
    for student, name, score, automatic, manual, waits in rows:
        if waits:
            waiting.add(student)
        if automatic is not None or (manual is not None and not waits):
            scores[student][name] = float(score)
    return dict(scores), waiting


def _penalties(gradebook: Gradebook, assignment: str) -> dict[str, float]:
    """The points that each student loses for lateness."""
    rows = (
        gradebook.db.query(
            SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty
        )
        .select_from(SubmittedNotebook)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(GradebookAssignment, SubmittedAssignment.assignment_id == GradebookAssignment.id)
        .filter(GradebookAssignment.name == assignment)
    )
    return {student: float(penalty) for student, penalty in rows if penalty}
