"""The feedback page: the graded notebook with the judge's words, in one safe file.

From the first hidden region on, no output of the notebook is shown, because by then the student's
code has seen hidden input and may print it. Hidden regions, mark schemes and tracebacks of grade
cells are never shown. The page holds no script, loads nothing, and stays under two megabytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup
from nbformat import NotebookNode

from nbjudge.core.notebooks import (
    METADATA_KEY,
    as_shown,
    grade_id,
    is_answer,
    is_solution,
    is_task,
    is_test,
    nbgrader_metadata,
    readable,
)
from nbjudge.judge.verdicts import Record, Verdict
from nbjudge.pages import failures, templates
from nbjudge.pages.outputs import shown_outputs, stopped_with_an_error, was_run
from nbjudge.pages.pictures import Album
from nbjudge.shared import markup

GIVEN_BYTES = 500_000  # of HTML, for all that the course gives
STUDENT_BYTES = 500_000  # of HTML, for all that the student wrote and printed
BYTES_AROUND = 300  # of the template's own markup, around each cell
LONGEST_SOURCE = 20_000
LONGEST_SENTENCE = 1_000
LONGEST_COMMENT = 5_000
MOST_SENTENCES = 40  # in one list
FOLDED_FROM = 12  # lines of given code

Owner = Literal["given", "student"]
Outcome = Literal["full", "part", "none", "waiting"]

OUTCOME_WORDS: dict[Outcome, str] = {
    "full": "Full marks",
    "part": "Partly right",
    "none": "Not right yet",
    "waiting": "Waiting to be graded",
}
EXTRA_LABELS = {"student": "Your own cell", "changed": "Your version of a given cell"}
UNANSWERED = ("", "YOUR ANSWER HERE")
NO_ROOM: dict[Owner, str] = {
    "given": "The remaining given cells are left out, because this page would become too large.",
    "student": "Your remaining cells are left out, because this page would become too large.",
}
HIDDEN_FROM_HERE = (
    "The output of the cells below is left out: the hidden tests begin here, and they stay hidden."
    " Your own notebook shows it."
)


@dataclass(frozen=True)
class Mark:
    """The gradebook's entry for one grade cell or task cell."""

    grade_id: str
    score: float
    points: float
    needs_manual_grade: bool
    comment: str  # the grader's own words; "" if there are none
    is_rechecked: bool = False  # a person's points, from before it was graded again


@dataclass(frozen=True)
class Lateness:
    """The sentence about a late submission, and the points that it lost."""

    sentence: str = ""
    penalty: float = 0.0


IN_TIME = Lateness()


@dataclass(frozen=True)
class Exercise:
    """One line of the results and one in the notebook, and a card if there is more to say."""

    anchor: str
    title: str  # the heading above it
    name: str  # the function or part that is meant
    outcome: Outcome
    score: float
    points: float
    words: tuple[Markup, ...]  # the judge's
    tells_mistake: bool  # whether these words are a known misconception's
    matched: str  # how many hidden observations match, in words
    comment: Markup  # the grader's
    is_task: bool
    by_asserts: bool  # asserts in the student's process decided, not evidence
    is_extra: bool  # its points are extra credit
    is_rechecked: bool  # a person will look at these points again

    @property
    def says(self) -> str:
        return OUTCOME_WORDS[self.outcome]

    @property
    def place(self) -> str:
        """The anchor of its line in the notebook."""
        return f"{self.anchor}-place"

    @property
    def has_card(self) -> bool:
        """Whether there is more to say than the results do."""
        return self.outcome != "full" or bool(self.comment) or self.is_rechecked

    @property
    def percent(self) -> int:
        """The part of its points that it earned."""
        return 0 if self.points <= 0 else round(100 * min(1, max(0, self.score / self.points)))


NOTHING = Markup("")


@dataclass(frozen=True)
class Block:
    """One part of the notebook on the page."""

    kind: Literal["prose", "code", "exercise", "comment", "notice"]
    owner: Owner = "given"
    label: str = ""
    html: Markup = NOTHING
    lines: int = 0  # of code
    is_folded: bool = False
    outputs: tuple[Markup, ...] = ()
    result: str = ""  # the outcome of a given code cell, if it is worth a word
    result_kind: Literal["good", "bad", "idle"] = "idle"
    exercise: Exercise | None = None


def page(
    notebook: NotebookNode,
    record: Record,
    marks: list[Mark],
    title: str,
    lateness: Lateness = IN_TIME,
) -> str:
    """The whole feedback page of one submission, as HTML.

    `notebook` is the executed run notebook, `record` the judge's account of it, `marks` what the
    gradebook holds; if a cell's mark and verdict differ, the mark counts.
    """
    has_failed = record.status == "failed"
    reason = record.reason[:1].upper() + record.reason[1:].rstrip(".") + "."
    blocks = [] if has_failed else _Writer(record, marks).blocks(notebook)
    exercises = [block.exercise for block in blocks if block.exercise]
    text = templates.template("feedback").render(
        title=markup.plain(title)[:200],
        student=markup.plain(record.student)[:200],
        assignment=markup.plain(record.assignment)[:200],
        failure=_sentence(reason) if has_failed else None,
        advice=failures.advice(record) if has_failed else "",
        is_the_students=has_failed and failures.is_the_students(record),
        notes=_sentences(record.notes),
        exercises=exercises,
        waiting=[exercise for exercise in exercises if exercise.outcome == "waiting"],
        rechecked=[exercise for exercise in exercises if exercise.is_rechecked],
        lateness=lateness,
        total_score=sum(exercise.score for exercise in exercises) - lateness.penalty,
        total_points=sum(exercise.points for exercise in exercises if not exercise.is_extra),
        blocks=blocks,
    )
    return text.strip() + "\n"


class _Writer:
    """Writes one notebook's blocks, cell by cell, and remembers the earlier ones."""

    def __init__(self, record: Record, marks: list[Mark]):
        self.verdicts = {verdict.grade_id: verdict for verdict in record.verdicts}
        self.marks = {mark.grade_id: mark for mark in marks}
        self.album = Album()
        self.room: dict[Owner, int] = {"given": GIVEN_BYTES, "student": STUDENT_BYTES}
        self.written: list[Block] = []
        self.heading = ""  # the last one that was given
        self.is_hidden = False  # whether a hidden region has been passed
        self.open_task: NotebookNode | None = None  # its card comes after the answer

    def blocks(self, notebook: NotebookNode) -> list[Block]:
        """A block for each cell that is shown, and one for each exercise."""
        for cell in notebook.cells:
            origin = cell.metadata.get(METADATA_KEY, {}).get("origin", "template")
            if origin != "template":
                self._add_cell(cell, "student", EXTRA_LABELS.get(origin, "Your own cell"))
            elif is_solution(cell) or is_answer(cell):
                self._add_solution(cell)
            else:
                self._close_task()
                self._add_given(cell)
        self._close_task()
        for mark in list(self.marks.values()):  # of cells that this notebook does not hold
            if mark.points or mark.score:
                self._add_exercise(mark.grade_id, "")
            else:
                self._add_comment(mark.comment)
        return self.written

    def _add_given(self, cell: NotebookNode) -> None:
        if is_test(cell) or "BEGIN HIDDEN TESTS" in cell.source:
            self._hide_outputs()
        if is_test(cell):
            self._add_exercise(grade_id(cell) or "", self.heading)
            return
        self._add_cell(cell, "given")
        self.open_task = cell if is_task(cell) else None

    def _add_solution(self, cell: NotebookNode) -> None:
        is_prose = cell.cell_type == "markdown"
        self._add_cell(cell, "student", "Your answer" if is_prose else "Your code")
        name = grade_id(cell) or ""
        if nbgrader_metadata(cell).get("grade"):  # a person grades this cell as it is
            self._add_exercise(name, self.heading, is_task=True)
        elif name in self.marks:
            self._add_comment(self.marks.pop(name).comment)
        if is_prose:
            self._close_task()

    def _close_task(self) -> None:
        if self.open_task is not None:
            own = markup.headings(_shown_source(self.open_task))
            name = grade_id(self.open_task) or ""
            self.open_task = None
            self._add_exercise(name, own[0] if own else self.heading, is_task=True)

    def _add_exercise(self, name: str, title: str, is_task: bool = False) -> None:
        verdict = self.verdicts.get(name)
        mark = self.marks.pop(name, None)
        anchor = f"exercise-{len(self.written)}"
        exercise = _exercise(anchor, name, title, is_task, verdict, mark)
        self.written.append(Block("exercise", exercise=exercise))

    def _add_comment(self, comment: str) -> None:
        if comment:
            self.written.append(Block("comment", html=_typed(comment)))

    def _hide_outputs(self) -> None:
        if not self.is_hidden:
            self.is_hidden = True
            self.written.append(Block("notice", html=Markup(HIDDEN_FROM_HERE)))

    def _add_cell(self, cell: NotebookNode, owner: Owner, label: str = "") -> None:
        """Write `cell`, unless it is empty or its owner's space is used up."""
        source = _shown_source(cell)
        is_empty = not source.strip() and not (is_solution(cell) or is_answer(cell))
        if is_empty or self.room[owner] <= 0 or (cell.cell_type == "raw" and owner == "given"):
            return
        album = self.album.characters
        if cell.cell_type == "markdown":
            if owner == "given":
                self.heading = (markup.headings(source) or [self.heading])[-1]
            block = Block("prose", owner, label, self._prose(cell, source))
        else:
            block = self._code(cell, source, owner, label)
        size = len(block.html.encode()) + sum(len(output.encode()) for output in block.outputs)
        size -= album - self.album.characters  # pictures have a separate limit
        self.room[owner] -= max(size, len(source)) + BYTES_AROUND
        has_room = self.room[owner] > 0
        self.written.append(block if has_room else Block("notice", html=Markup(NO_ROOM[owner])))

    def _prose(self, cell: NotebookNode, source: str) -> Markup:
        if source.strip() in UNANSWERED:
            return Markup("<p><em>Nothing is written here.</em></p>")
        picture = self.album.attached(cell.get("attachments", {}))
        return Markup(markup.prose(source, picture))

    def _code(self, cell: NotebookNode, source: str, owner: Owner, label: str) -> Block:
        lines = source.count("\n") + 1
        block = Block(
            "code",
            owner,
            label,
            Markup(markup.code(source)),
            lines=lines,
            outputs=() if self.is_hidden else shown_outputs(cell, self.album),
        )
        if owner == "student" or cell.cell_type == "raw":
            return block
        result, kind = _result(cell)
        return replace(block, is_folded=lines >= FOLDED_FROM, result=result, result_kind=kind)


def _shown_source(cell: NotebookNode) -> str:
    """The source of `cell` without what only graders may see, at a limited length."""
    return markup.shortened(as_shown(cell), LONGEST_SOURCE)


def _result(cell: NotebookNode) -> tuple[str, Literal["good", "bad", "idle"]]:
    """The outcome of a given code cell: whether a check passed, or another cell stopped."""
    is_check = "checks." in cell.source
    if not was_run(cell):
        return "Not run in grading", "idle"
    if stopped_with_an_error(cell):
        return "Check did not pass" if is_check else "Stopped with an error", "bad"
    return ("Check passed", "good") if is_check else ("", "idle")


def _exercise(
    anchor: str, name: str, title: str, is_task: bool, verdict: Verdict | None, mark: Mark | None
) -> Exercise:
    score, points = (verdict.score, verdict.points) if verdict else (0.0, 0.0)
    waits = verdict is None
    is_extra = bool(verdict and verdict.is_extra)
    if mark:
        waits, points = mark.needs_manual_grade, points if is_extra else mark.points
        score = 0.0 if waits else mark.score
    return Exercise(
        anchor=anchor,
        title=title or readable(name, is_task),
        name=readable(name, is_task) if title else "",
        outcome="waiting" if waits else _outcome(score, points),
        score=score,
        points=points,
        words=_sentences(verdict.words) if verdict else (),
        tells_mistake=bool(verdict and verdict.mistake),
        matched=f"{verdict.matched} of {verdict.expected}"
        if verdict and not verdict.mistake and not verdict.by_asserts
        else "",
        comment=_typed(mark.comment) if mark else NOTHING,
        is_task=is_task,
        by_asserts=bool(verdict and verdict.by_asserts),
        is_extra=is_extra,
        is_rechecked=bool(mark and mark.is_rechecked),
    )


def _outcome(score: float, points: float) -> Outcome:
    if score >= points:
        return "full"
    return "part" if score > 0 else "none"


def _sentences(texts: Sequence[str]) -> tuple[Markup, ...]:
    return tuple(_sentence(text) for text in texts[:MOST_SENTENCES])


def _sentence(text: str) -> Markup:
    return Markup(markup.with_code_spans(markup.shortened(text, LONGEST_SENTENCE)))


def _typed(text: str) -> Markup:
    """A person's comment: Markdown and formulas, as its field promises, with its line breaks."""
    shown = markup.shortened(markup.plain(text), LONGEST_COMMENT)
    with_breaks = "  \n".join(shown.split("\n"))
    return Markup(markup.prose(with_breaks, lambda target: None).strip())
