"""`nbjudge report`: the results of a class, as one page to read and tables to compute with.

The page holds no script and loads nothing. Whatever names a person is only in the instructors'
version: for the shared one, every list of people is empty before the template sees it.
"""

import os
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.people import Person
from nbjudge.core.tables import Table, harmless, write_table
from nbjudge.core.term import Total
from nbjudge.pages import charts, class_results, item_analysis, similarity, templates
from nbjudge.pages.class_results import Paper, Question, Results
from nbjudge.pages.item_analysis import Drop, Item
from nbjudge.pages.similarity import Pair, Passage
from nbjudge.shared import markup

PAGE = "report.html"
STUDENTS, SIMILAR, TOTALS = "students.csv", "alike.csv", "totals.csv"
MOST_SLOW = 10
SLOW = 3.0  # times the median
SLOW_SECONDS = 10.0
FEW = 20  # students; with fewer, a correlation says little
WEAK = 0.1  # a lower discrimination is worth a look
MOST_LINES = 60  # of a cell in a pair
LONGEST_REASON = 300
LONGEST_LINE = 200


@dataclass(frozen=True)
class Who:
    """One student, as the instructors' page names them."""

    shown: str
    student: str
    page: str = ""  # the feedback's path from the report; "" if there is none
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One question in the table."""

    question: Question
    item: Item
    omitted: int  # students
    omitted_share: float
    look: str  # why an instructor should look at it; "" if there is no reason
    shares: tuple[tuple[str, int, float], ...]  # full, part, none: students and percent


@dataclass(frozen=True)
class Misconception:
    """A known mistake and who made it."""

    id: str
    says: Markup
    where: str  # the question
    count: int
    share: float  # of those whose submission is graded
    who: tuple[Who, ...]


@dataclass(frozen=True)
class Reason:
    """Submissions that failed for one reason."""

    reason: str
    who: tuple[Who, ...]


@dataclass(frozen=True)
class Alike:
    """Two similar submissions."""

    who: tuple[Who, Who]
    pair: Pair
    cells: tuple[tuple[str, tuple[Markup, Markup]], ...]


@dataclass(frozen=True)
class Section:
    """The page's section on one assignment."""

    name: str
    title: str
    handed_in: int
    graded: int
    failed: int
    undone: int  # not graded yet
    missing: int
    maximum: float
    mean: float | None
    median: float | None
    waiting: tuple[Question, ...]  # questions that are graded for nobody yet
    scores: Markup
    rows: tuple[Row, ...]
    misconceptions: tuple[Misconception, ...]
    has_usual: bool  # whether there are enough other assignments to compare with
    drops: int  # students far below their own usual level
    drops_who: tuple[Who, ...]
    reasons: tuple[Reason, ...]
    undone_who: tuple[Who, ...]
    missing_who: tuple[Who, ...]
    alike: tuple[Alike, ...]
    seconds: Markup | None
    median_seconds: float | None
    slower: int  # submissions that are not in the chart, because they would squeeze it
    slow: tuple[Who, ...]


@dataclass(frozen=True)
class TermSection:
    """The page's section on the points over the term."""

    scores: Markup
    graded: int
    waiting: int  # students without a total
    maximum: float
    mean: float
    median: float
    weights: tuple[tuple[str, float], ...]  # title and weight; empty: each by its own points
    drop_lowest: int
    who: tuple[Who, ...]  # the highest first; empty on the page to share


def write_report(
    course: Course,
    assignments: Sequence[str],
    folder: Path,
    share: bool = False,
    term: Sequence[Total] = (),
) -> list[Path]:
    """Write the page and its tables into `folder`; their paths, the page first.

    share: leave out everything that names a student or comes from a single one
    term:  the totals so far, for a section and a table of their own

    Raises CourseError if nothing of an assignment is graded yet, or if the version to share would
    be next to tables with names.
    """
    named = [folder / name for name in (STUDENTS, SIMILAR, TOTALS) if (folder / name).exists()]
    if share and named:
        raise CourseError(f"{named[0]} has names in it: choose another folder with --out.")
    gathered = [class_results.gather(course, name) for name in assignments]
    everywhere = class_results.totals(course)
    sections = [section(course, folder, found, everywhere, share) for found in gathered]
    write_text(folder / PAGE, page(course, sections, share, term_section(course, term, share)))
    tables = {
        "questions.csv": _question_table(sections),
        "misconceptions.csv": _misconception_table(sections, share),
    }
    if not share:
        tables |= {STUDENTS: _student_table(gathered, everywhere), SIMILAR: _alike_table(sections)}
        tables |= {TOTALS: _total_table(term)} if term else {}
    for name, rows in tables.items():
        write_table(Table(folder / name, rows, newline="\n"), folder / name)
    return [folder / name for name in (PAGE, *tables)]


def page(
    course: Course,
    sections: Sequence[Section],
    share: bool = False,
    term: TermSection | None = None,
) -> str:
    """The report as HTML."""
    text = templates.template("report").render(
        course=course.title, sections=sections, share=share, few=FEW, term=term
    )
    return text.strip() + "\n"


def term_section(
    course: Course, totals: Sequence[Total], share: bool = False
) -> TermSection | None:
    """The section on the term; None if nobody has a total.  With `share`, nobody is named in it."""
    graded = [total for total in totals if total.is_graded]
    if not graded:
        return None
    points = [total.points for total in graded]
    maximum = max(total.maximum for total in graded)
    median = statistics.median(points)
    titles = {name: markup.plain(one.title) for name, one in course.assignments.items()}
    ranked = sorted(graded, key=lambda total: -total.points)
    return TermSection(
        scores=charts.histogram(points, maximum, "points", "students", median),
        graded=len(graded),
        waiting=len(totals) - len(graded),
        maximum=maximum,
        mean=statistics.fmean(points),
        median=median,
        weights=tuple((titles[name], weight) for name, weight in course.term.weights.items()),
        drop_lowest=course.term.drop_lowest,
        who=() if share else tuple(_ranked(total) for total in ranked),
    )


def _ranked(total: Total) -> Who:
    student = markup.plain(total.person.student)
    note = f"{round(total.points, 2):g} of {round(total.maximum, 2):g}"
    return Who(markup.plain(total.person.name) or student, student, note=note)


def _total_table(totals: Iterable[Total]) -> list[list[str]]:
    header = "student last_name first_name email points maximum dropped missing status"
    rows = [header.split()]
    for one in totals:
        person = one.person
        numbers = [f"{round(one.points, 2):g}", f"{round(one.maximum, 2):g}"]
        rows.append(
            _texts(person.student, person.last_name, person.first_name, person.email)
            + (numbers if one.is_graded else ["", ""])
            + [" ".join(one.dropped), " ".join(one.missing), *_texts(one.status)]
        )
    return rows


def graded_assignments(course: Course) -> list[str]:
    """The assignments of which anything is graded; the course's first if there are none."""
    graded = [name for name in course.assignments if has_results(course, name)]
    return graded or list(course.assignments)[:1]


def has_results(course: Course, assignment: str) -> bool:
    """Whether anything of `assignment` has been graded."""
    notebooks = course.autograded_notebook("*", assignment).relative_to(course.root)
    return next(course.root.glob(str(notebooks)), None) is not None


def section(
    course: Course,
    folder: Path,
    found: Results,
    everywhere: Mapping[str, Mapping[str, float]],
    share: bool = False,
) -> Section:
    """The section on one assignment; with `share`, without anything about a single student.

    folder:     where the page will be, for its links
    everywhere: assignment → student → points, of all assignments; see `results.totals`
    """

    def named(papers: Iterable[tuple[Person, str]]) -> tuple[Who, ...]:
        if share:
            return ()
        return tuple(_who(course, folder, found.name, person, note) for person, note in papers)

    graded = found.graded
    failed = [paper for paper in found.papers if paper.status == "failed"]
    undone = [paper for paper in found.papers if paper.status == "not graded yet"]
    people = {paper.person.student: paper.person for paper in graded}
    totals = [class_results.total(paper) for paper in graded]
    median = statistics.median(totals) if totals else None
    known = {question.grade_id for question in found.known}
    drops = item_analysis.far_below_usual(everywhere, found.name)
    drops = [drop for drop in drops if drop.student in people]
    times = [paper.seconds for paper in graded if paper.seconds is not None]
    typical = statistics.median(times) if times else None
    usual = [seconds for seconds in times if seconds <= SLOW * (typical or 0)]
    return Section(
        name=found.name,
        title=markup.plain(found.title),
        handed_in=len(found.papers),
        graded=len(graded),
        failed=len(failed),
        undone=len(undone),
        missing=len(found.missing),
        maximum=found.maximum,
        mean=statistics.fmean(totals) if totals else None,
        median=median,
        waiting=tuple(
            question
            for question in found.questions
            if question.grade_id not in known and not question.is_extra
        ),
        scores=charts.histogram(totals, found.maximum, "points", "students", median),
        rows=tuple(_rows(found)),
        misconceptions=tuple(
            _misconception(found, *known_mistake, named) for known_mistake in _mistakes(found)
        ),
        has_usual=len([name for name, own in everywhere.items() if own])
        > item_analysis.FEWEST_FOR_USUAL,
        drops=len(drops),
        drops_who=named((people[drop.student], _drop_note(drop)) for drop in drops),
        reasons=() if share else tuple(_reasons(failed, named)),
        undone_who=named((paper.person, "") for paper in undone),
        missing_who=named((person, "") for person in found.missing),
        alike=() if share else tuple(_alike(course, folder, found)),
        seconds=charts.histogram(usual, max(usual), "seconds", "submissions") if usual else None,
        median_seconds=typical,
        slower=len(times) - len(usual),
        slow=named(_slow(graded)),
    )


def _who(course: Course, folder: Path, assignment: str, person: Person, note: str = "") -> Who:
    page = course.feedback_page(person.student, assignment)
    address = ""
    if page.is_file():
        address = quote(Path(os.path.relpath(page, folder)).as_posix().encode("utf-8", "replace"))
    student = markup.plain(person.student)
    return Who(markup.plain(person.name) or student, student, address, note)


def _rows(found: Results) -> Iterator[Row]:
    """The questions with their statistics, over all whose submission is graded."""
    graded = found.graded
    scores = np.array(
        [
            [paper.scores.get(question.grade_id, np.nan) for question in found.questions]
            for paper in graded
        ],
        dtype=np.float64,
    ).reshape(len(graded), len(found.questions))
    worth = [question.points for question in found.questions]
    extra = [question.is_extra for question in found.questions]
    analysed = item_analysis.analyse(scores, worth, extra)
    for question, item in zip(found.questions, analysed, strict=True):
        omitted = sum(question.grade_id in paper.omitted for paper in graded)
        parts = (("full", item.full), ("part", item.part), ("none", item.none))
        yield Row(
            question,
            item,
            omitted,
            omitted / len(graded) if graded else 0.0,
            _look(item, omitted, len(graded)),
            tuple((name, count, 100 * count / max(1, item.graded)) for name, count in parts),
        )


def _look(item: Item, omitted: int, graded: int) -> str:
    """Why an instructor should look at a question again, if there is a reason."""
    if graded < FEW:
        return ""
    if item.discrimination is not None and item.discrimination < 0:
        return "students who do better elsewhere do worse here"
    if item.discrimination is not None and item.discrimination < WEAK:
        return "hardly discriminates between students"
    if omitted > graded / 4:
        return "left out by more than a quarter"
    return ""


Named = Callable[[Iterable[tuple[Person, str]]], tuple[Who, ...]]


def _mistakes(found: Results) -> list[tuple[str, str, str, list[Paper]]]:
    """The known mistakes that were made, the most common first: id, sentence, question, papers."""
    makers: dict[tuple[str, str], list[Paper]] = defaultdict(list)
    says = {}
    for paper in found.graded:
        for question, (mistake, sentence) in paper.mistakes.items():
            makers[question, mistake].append(paper)
            says[question, mistake] = sentence
    made = [(mistake, says[key], key[0], by) for key, by in makers.items() for mistake in key[1:]]
    return sorted(made, key=lambda one: (-len(one[3]), one[2], one[0]))


def _misconception(
    found: Results, mistake: str, says: str, grade_id: str, by: list[Paper], named: Named
) -> Misconception:
    names = {question.grade_id: question.name for question in found.questions}
    return Misconception(
        mistake,
        Markup(markup.with_code_spans(says)),
        names.get(grade_id, grade_id),
        len(by),
        len(by) / len(found.graded),
        named((paper.person, "") for paper in by),
    )


def _drop_note(drop: Drop) -> str:
    here, usual = (f"{rank:+.1f}".replace("-", "−") for rank in (drop.here, drop.usual))
    return f"here {here}, usually {usual}"


def _reasons(failed: list[Paper], named: Named) -> Iterator[Reason]:
    by_reason: dict[str, list[Paper]] = defaultdict(list)
    for paper in failed:
        by_reason[paper.reason].append(paper)
    for reason, papers in sorted(by_reason.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        shown = markup.shortened(markup.plain(reason), LONGEST_REASON)
        yield Reason(f"{shown[:1].upper()}{shown[1:]}", named((p.person, "") for p in papers))


def _slow(graded: list[Paper]) -> list[tuple[Person, str]]:
    """Students whose grading took far longer than the class's, the longest first."""
    times = [(paper.seconds, paper.person) for paper in graded if paper.seconds is not None]
    if not times:
        return []
    limit = max(SLOW_SECONDS, SLOW * statistics.median(seconds for seconds, _ in times))
    slow = sorted(
        (one for one in times if one[0] > limit), key=lambda one: (-one[0], one[1].student)
    )
    return [(person, f"{seconds:.0f} s") for seconds, person in slow[:MOST_SLOW]]


def _alike(course: Course, folder: Path, found: Results) -> Iterator[Alike]:
    people = {paper.person.student: paper.person for paper in found.graded}
    written = {paper.person.student: paper.written for paper in found.graded}
    for pair in similarity.pairs(written, found.given):
        one, other = (_who(course, folder, found.name, people[name]) for name in pair.students)
        yield Alike((one, other), pair, tuple(_passage(passage) for passage in pair.passages))


def _passage(passage: Passage) -> tuple[str, tuple[Markup, Markup]]:
    """A cell's name, and its lines as each student wrote them, with the similar ones marked."""
    one, other = (
        _marked(lines, alike) for lines, alike in zip(passage.lines, passage.alike, strict=True)
    )
    return passage.cell, (one, other)


def _marked(lines: Sequence[str], alike: frozenset[int]) -> Markup:
    first = max(0, min(alike, default=0) - 2)
    shown = [
        Markup("<mark>{}</mark>" if place in alike and line.strip() else "{}").format(
            markup.plain(line)[:LONGEST_LINE]
        )
        for place, line in enumerate(lines)
    ][first : first + MOST_LINES]
    before, after = first > 0, first + MOST_LINES < len(lines)
    return Markup("\n").join(["…"] * before + shown + ["…"] * after)


def _number(value: float | None, places: int = 2) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _texts(*texts: str) -> list[str]:
    """`texts` as cells that every program can read and no spreadsheet takes for a formula."""
    return harmless(markup.plain(text) for text in texts)


def _question_table(sections: Iterable[Section]) -> list[list[str]]:
    header = (
        "assignment question kind points graded mean difficulty discrimination full part none"
        " omitted omitted_rate"
    )
    rows = [header.split()]
    for part in sections:
        for row in part.rows:
            question, item = row.question, row.item
            kind = "task" if question.is_task else "extra" if question.is_extra else "code"
            cells = [part.name, question.grade_id, kind, f"{question.points:g}"]
            cells += [str(item.graded), _number(item.mean, 3), _number(item.difficulty, 3)]
            cells += [_number(item.discrimination, 3)]
            cells += [str(count) for count in (item.full, item.part, item.none, row.omitted)]
            rows.append([*cells, _number(row.omitted_share, 3)])
    return rows


def _misconception_table(sections: Iterable[Section], share: bool) -> list[list[str]]:
    header = ["assignment", "question", "mistake", "students", "share", "says"]
    rows = [header if share else [*header, "who"]]
    for part in sections:
        for one in part.misconceptions:
            row = [part.name, one.where, one.id, str(one.count), _number(one.share, 3)]
            row += _texts(one.says.striptags())
            rows.append(row if share else row + _texts(" ".join(who.student for who in one.who)))
    return rows


def _student_table(
    gathered: Iterable[Results], everywhere: Mapping[str, Mapping[str, float]]
) -> list[list[str]]:
    header = (
        "assignment student last_name first_name email status reason points maximum late_penalty"
        " omitted mistakes deviations seconds"
    )
    rows = [header.split()]
    for found in gathered:
        ranks = item_analysis.standardised(everywhere.get(found.name, {}))
        for paper in found.papers:
            person, is_graded = paper.person, paper.status == "graded"
            who = (found.name, person.student, person.last_name, person.first_name, person.email)
            made = sorted(f"{question}:{one}" for question, (one, _) in paper.mistakes.items())
            points = [f"{class_results.total(paper):g}", f"{found.maximum:g}", f"{paper.penalty:g}"]
            rows.append(
                _texts(*who, paper.status, paper.reason)
                + (points if is_graded else ["", "", ""])
                + [" ".join(sorted(paper.omitted)), " ".join(made)]
                + [_number(ranks.get(person.student)), _number(paper.seconds)]
            )
        for person in found.missing:
            who = (found.name, person.student, person.last_name, person.first_name, person.email)
            rows.append(_texts(*who, "nothing submitted") + [""] * 8)
    return rows


def _alike_table(sections: Iterable[Section]) -> list[list[str]]:
    rows = [["assignment", "student", "other", "alike", "verbatim", "cells"]]
    for part in sections:
        for one in part.alike:
            cells = " ".join(name.replace(" ", "_") for name, _ in one.cells)
            shares = [_number(one.pair.alike), _number(one.pair.verbatim)]
            rows.append([part.name, *_texts(*one.pair.students), *shares, cells])
    return rows
