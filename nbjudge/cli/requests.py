"""Commands that answer a student's question about a score: explain, regrade, history."""

import argparse
import os
import sys

from nbjudge.cli import progress
from nbjudge.cli.assignments import check_student, known, named
from nbjudge.cli.tables import print_table
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.tables import write_table
from nbjudge.gradebook import history as histories
from nbjudge.pages.explanation import CellExplanation, Explanation, Way
from nbjudge.shared.text import plain
from nbjudge.workflow import explain as explaining
from nbjudge.workflow import regrade as regrading
from nbjudge.workflow import running


def explain(options: argparse.Namespace) -> int:
    """Explain the scores of one submission: what came, and what was expected."""
    course = find_course(options.course)
    name = known(course, options.assignment)
    check_student(course, [name], options.student)
    with running.started(1, options.sandbox, options.warm == "on") as executor:
        found = explaining.explain(course, name, options.student, executor, options.cell)
    if options.html:
        path = explaining.write_page(course, found)
        print(f"For instructors only, it shows hidden values: {os.path.relpath(path)}")
    else:
        _print(found)
    return 0


def regrade(options: argparse.Namespace) -> int:
    """Grade those who ask again, explain and answer; 1 if a request cannot be answered."""
    course = find_course(options.course)
    name = known(course, options.assignment)
    if options.out.resolve() == options.file.resolve():
        raise CourseError("--out must be another file than --file.")
    table, requests = regrading.read_requests(course, name, options.file)
    workers = running.started(options.jobs, options.sandbox, options.warm == "on")
    with workers as executor, progress.bars() as bar:
        asking = {one.student for one in requests if one.student and not one.problem}
        show = progress.grading(bar, name, len(asking))
        answers = regrading.regrade(course, name, requests, executor, show)
    write_table(regrading.answers_table(table, answers), options.out)
    rows = [
        (one.request.student or "?", one.request.cell, _points(one.before), _points(one.after))
        for one in answers
    ]
    print_table(("student", "cell", "before", "after"), rows)
    print(f"{len(answers)} answers in {options.out}; feedback pages are written again.")
    print(f"For instructors only: {os.path.relpath(course.root / 'explained')}")
    problems = [one.request.problem for one in answers if one.request.problem]
    for problem in problems:
        print(plain(f"nbjudge: {problem}"), file=sys.stderr)
    return 1 if problems else 0


def _points(number: float | None) -> str:
    return "" if number is None else f"{round(number, 2):g}"


def history(options: argparse.Namespace) -> int:
    """Write who changed which score, when, from what to what."""
    course = find_course(options.course)
    found = histories.changes(course, named(course, options))
    histories.write_changes(found, options.out)
    print(f"{len(found)} changes of scores in {options.out}")
    return 0


def _print(found: Explanation) -> None:
    if found.record.status == "failed":
        print(plain(f"{found.record.student} could not be graded: {found.record.reason}."))
        return
    for note in found.notes:
        print(plain(note))
    for cell in found.cells:
        _print_cell(cell, found)
    print("Limits: " + ", ".join(f"{name} {value}" for name, value in found.limits))


def _print_cell(cell: CellExplanation, found: Explanation) -> None:
    verdict = cell.verdict
    entered = _entered(found, verdict.grade_id)
    print(f"\n{verdict.grade_id}: {verdict.score:g} of {verdict.points:g}{entered}")
    for sentence in verdict.words:
        print(f"  {plain(sentence)}")
    if cell.has_own_settings:
        print("  The run with the settings that the student's code left counts: it is the better.")
    rows = []
    for one in cell.compared:
        for number, way in enumerate(one.ways):
            kind = "stand-in: " if number else "guard: " if one.is_guard else ""
            matches = "matches" if way.matches else "differs"
            rows.append((f"{kind}{way.name}", matches, way.came, way.expected, _gap(one.rule, way)))
    if rows:
        print_table(("observation", "", "came", "expected", "comparator and gap"), rows)
    for like in (one for one in cell.mistakes if one.equal):
        told = "all of it, so this is the one" if like.is_complete else f"{like.equal} of {like.of}"
        print(f"  Same as the known mistake {like.mistake}: {told}")
    if cell.unexpected:
        print(plain(f"  Also sent, and expected by nobody: {', '.join(cell.unexpected)}"))


def _entered(found: Explanation, grade_id: str) -> str:
    """What the gradebook has for a cell, if that is not what was found now."""
    entered = found.gradebook.get(grade_id)
    if entered is None:
        return ""
    machine = "nothing" if entered.machine is None else f"{entered.machine:g}"
    person = "" if entered.person is None else f", {entered.person:g} from a person, which counts"
    return f" (in the gradebook: {machine} from the machine{person})"


def _gap(rule: str, way: Way) -> str:
    lines = [rule]
    if way.gap:
        lines.append(f"largest gap: {way.gap}" + (" tolerances" if way.gap[0].isdigit() else ""))
    if way.numbers and not way.matches:
        worst = way.numbers[0]
        place = f" at [{worst.place}]" if worst.place else ""
        lines.append(
            f"{worst.came} for {worst.expected}{place}: {worst.gap} off, at most {worst.tolerance}"
        )
    return "\n".join(lines)
