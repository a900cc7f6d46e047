"""The command `nbjudge`: from building releases to handing grades back.

Exit codes: 0, done; 1, something did not work and was named; 2, the words of the command are off.
Progress goes to stderr, tables and JSON to stdout.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from nbjudge.authoring import audit, build, demo, handed_out, release
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.tables import read_table, write_table
from nbjudge.gradebook import penalties, students
from nbjudge.judge.verdicts import Record
from nbjudge.kernel import evidence
from nbjudge.lms import collect, roster
from nbjudge.lms.registry import LMSS
from nbjudge.pages import report
from nbjudge.plugins.gradescope import autograder, pack
from nbjudge.sandbox import bubblewrap
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor, workers
from nbjudge.shared.markup import plain
from nbjudge.workflow import feedback, grade, grades, watch

Command = Callable[[argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except CourseError as error:
        print(f"nbjudge: {error}", file=sys.stderr)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"nbjudge: {place}{error.strerror or error}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("nbjudge: stopped; run the same command again to go on.", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nbjudge", description="Build, grade and give back the course's assignments."
    )
    parser.add_argument("--course", type=Path, help="the course's folder (default: this one)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Command, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what)
        made.set_defaults(run=run)
        return made

    def running(name: str, run: Command, what: str) -> argparse.ArgumentParser:
        made = command(name, run, what)
        made.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N",
                          help="how many notebooks run at once (default: one a core)")  # fmt: skip
        made.add_argument("--sandbox", choices=("auto", "bwrap", "none"), default="auto",
                          help="bwrap: never without it; none: with your own rights "
                          "(default: auto, which is bwrap for what students wrote)")  # fmt: skip
        made.add_argument("--warm", choices=("on", "off"), default="on",
                          help="off: a new process for each kernel (default: on)")  # fmt: skip
        return made

    made = command("roster", _roster, "Enter an LMS's list of students into the gradebook.")
    made.add_argument("file", type=Path, metavar="CSV")

    made = command("collect", _collect, "Sort an LMS's download of submissions into submitted/.")
    made.add_argument("assignment", metavar="PS")
    made.add_argument("source", nargs="?", type=Path, metavar="FOLDER_OR_ZIP",
                      help="default: only apply course.toml's rules again")  # fmt: skip
    made.add_argument("--lms", choices=tuple(LMSS),
                      help="who made the download (default: told by its names)")  # fmt: skip
    made.add_argument("--worksheet", type=Path, metavar="CSV",
                      help="Moodle's grading worksheet: who is who, and when")  # fmt: skip
    made.add_argument("--pattern", metavar="REGEX",
                      help="of paths, with a group student, email, lms_id or person")  # fmt: skip

    made = command("grades", _grades, "Write the grades, or fill them into an LMS's own file.")
    made.add_argument("assignments", nargs="+", metavar="PS")
    made.add_argument("--into", type=Path, metavar="CSV",
                      help="Canvas's gradebook or Moodle's grading worksheet")  # fmt: skip
    made.add_argument("--column", metavar="NAME", help="the column of that file")
    made.add_argument("--out", type=Path, default=Path("grades.csv"), metavar="CSV",
                      help="default: grades.csv")  # fmt: skip
    made.add_argument("--so-far", action="store_true",
                      help="also what still waits for people")  # fmt: skip

    made = command("return", _return, "Zip the feedback pages as their LMS takes them.")
    made.add_argument("assignment", metavar="PS")
    made.add_argument("--out", type=Path, default=Path("feedback.zip"), metavar="ZIP",
                      help="default: feedback.zip")  # fmt: skip

    made = command("gradescope", _gradescope, "Pack a release and its answer key as an autograder "
                   "for Gradescope.")  # fmt: skip
    made.add_argument("assignment", metavar="PS")
    made.add_argument("--show", choices=autograder.SHOWS, default="after_published",
                      help="when students see scores (default: after_published)")  # fmt: skip
    made.add_argument("--out", type=Path, metavar="ZIP", help="default: gradescope/PS.zip")

    made = running("build", _build, "Build releases and answer keys; only what changed.")
    made.add_argument("assignments", nargs="*", metavar="PS")

    made = command("handout", _handout, "Record that students get the releases as they are.")
    made.add_argument("assignments", nargs="+", metavar="PS")

    made = running("correct", _correct, "Correct a release that students have, or say why not.")
    made.add_argument("assignment", metavar="PS")
    made.add_argument("--check", action="store_true", help="only say what would change")

    made = running("grade", _grade, "Grade every submission, or fail it with a reason.")
    made.add_argument("assignments", nargs="+", metavar="PS")
    made.add_argument("--student", metavar="S", help="only this student's submission")
    made.add_argument("--force", action="store_true", help="grade again what is graded")
    made.add_argument("--json", action="store_true", help="print the records as JSON")

    made = running("watch", _watch, "Grade what arrives in submitted/ and write its feedback, "
                   "until Ctrl-C.")  # fmt: skip
    made.add_argument("assignments", nargs="+", metavar="PS")

    made = command("feedback", _feedback, "Write a feedback page for every graded submission.")
    made.add_argument("assignments", nargs="+", metavar="PS")
    made.add_argument("--student", metavar="S", help="only this student's page")

    made = command("report", _report, "Write a page and tables on how the class did.")
    made.add_argument("assignments", nargs="*", metavar="PS", help="default: all that are graded")
    made.add_argument("--share", action="store_true", help="without anything that names a student")
    made.add_argument("--out", type=Path, metavar="FOLDER",
                      help="default: report, or report_to_share")  # fmt: skip

    made = running("audit", _audit, "Check that every known mistake loses its points and gets its "
                   "name, and every alternate keeps them.")  # fmt: skip
    made.add_argument("assignments", nargs="*", metavar="PS")
    made.add_argument("--json", action="store_true", help="print the findings as JSON")
    made.add_argument("--kept", action="store_true",
                      help="judge the build's runs of mistakes, make none")  # fmt: skip

    made = running("demo", _demo, "Take an invented class from release to feedback: through the "
                   "course's first problem set, or those named.")  # fmt: skip
    made.add_argument("assignments", nargs="*", metavar="PS")
    made.add_argument("--students", type=_positive, default=12, metavar="N")
    made.add_argument("--folder", type=Path, default=Path("demo"), help="default: ./demo")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _assignments(course: Course, options: argparse.Namespace) -> list[str]:
    names = options.assignments or list(course.assignments)
    return [course.assignment(name).name for name in names]


def _build(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    with _executor(options) as executor, _progress() as bar:
        for name in _assignments(course, options):
            _build_one(course, name, executor, bar)
    release.complete(course)
    for name in _assignments(course, options):
        if handed_out.is_ahead(course, name):
            print(
                f"{name} is not what students have: `nbjudge correct {name}` records it.",
                file=sys.stderr,
            )
    return 0


def _build_one(course: Course, name: str, executor: NotebookExecutor, bar: Progress) -> None:
    task = bar.add_task(f"building {name}", total=None, what="")

    def progress(what: str, done: int, total: int) -> None:
        bar.update(task, completed=done, total=total, what=what)

    built = build.build(course, name, executor, progress)
    bar.update(task, completed=1, total=1, what="built" if built else "unchanged")


def _handout(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    for name in _assignments(course, options):
        is_new = handed_out.hand_out(course, name)
        shown = course.handed_out(name).relative_to(course.root)
        print(f"{name}: {'recorded in' if is_new else 'already in'} {shown}; keep it in git.")
    return 0


def _correct(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    name = course.assignment(options.assignment).name
    if not handed_out.versions(course, name):
        raise CourseError(f"{name} is not handed out yet; `nbjudge build {name}` is all you need.")
    _, _, release_made = build.check_source(course, name)
    changes = handed_out.compare(course, name, release_made)
    rows = [
        (one.cell, one.what, one.consequence, "refused" if one.is_refused else "")
        for one in changes
    ]
    if rows:
        _print_table(("cell", "what changes", "consequence", ""), rows)
    else:
        print("Nothing changes in what students have; hidden tests and their key may.")
    handed_out.check(course, name, release_made)
    if options.check:
        return 0
    with _executor(options) as executor, _progress() as bar:
        _build_one(course, name, executor, bar)
    release.complete(course)
    handed_out.hand_out(course, name)
    print(f"Publish release/ again, grade again, and keep handed_out/{name}.json in git.")
    return 0


def _grade(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    records: list[Record] = []
    with _executor(options, is_ours=False) as executor, _progress() as bar:
        for name in _assignments(course, options):
            records += _grade_one(course, name, executor, bar, options.student, options.force)
    if options.json:
        print(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
    else:
        _print_records(records)
    return 0


def _grade_one(
    course: Course,
    name: str,
    executor: NotebookExecutor,
    bar: Progress,
    student: str | None = None,
    force: bool = False,
) -> list[Record]:
    total = len(course.students(name)) if student is None else 1
    task = bar.add_task(f"grading {name}", total=total, what="")

    def progress(record: Record) -> None:
        bar.update(task, advance=1, what=plain(record.student))
        if record.status == "failed":
            sentence = plain(f"{record.student}: failed: {record.reason}")
            bar.console.print(sentence, highlight=False, markup=False)

    return grade.grade(course, name, executor, student, force, progress)


def _watch(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    watches = [watch.Watch(course, name) for name in _assignments(course, options)]

    def told(words: str) -> None:
        print(f"{datetime.now():%H:%M:%S} {evidence.sendable(plain(words))}", flush=True)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    # stopped while it closes a connection, the pool would print a traceback before it lets go
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    print(f"Watching {course.root / 'submitted'}; Ctrl-C stops.", file=sys.stderr, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        watch.run(watches, functools.partial(_executor, options, is_ours=False), told)
    print("nbjudge: stopped; the same command goes on from here.", file=sys.stderr)
    return 0


def _print_records(records: list[Record], handed_in: dict[str, str] | None = None) -> None:
    """The table of scores; `handed_in` says what each invented student's file was."""
    table = Table("student", *(["handed in"] if handed_in else []), "score", "what was found")
    for record in records:
        score = sum(verdict.score for verdict in record.verdicts)
        points = sum(verdict.points for verdict in record.verdicts if not verdict.is_extra)
        shown = f"{score:g} / {points:g}" if record.status == "graded" else "failed"
        extra = [handed_in.get(record.student, "")] if handed_in else []
        cells = (record.student, *extra, shown, _found(record))
        table.add_row(*(Text(plain(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if failed := sum(record.status == "failed" for record in records):
        print(f"{failed} could not be graded and wait for a person; they are not zeros.")


def _found(record: Record) -> str:
    """The misconceptions found, or why the submission failed."""
    if record.status == "failed":
        return record.reason
    lost = [verdict for verdict in record.verdicts if verdict.score < verdict.points]
    words = (verdict.words[0] for verdict in lost)
    return "\n".join(dict.fromkeys(words))


def _feedback(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    complaints: list[str] = []
    for name in _assignments(course, options):
        penalties.refresh(course, name)
        written, missing = feedback.write_feedback(course, name, options.student)
        print(f"{name}: {len(written)} feedback pages below {course.root / 'feedback'}")
        complaints += missing
    for complaint in complaints:
        print(f"nbjudge: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def _report(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    names = _assignments(course, options)
    if not options.assignments:
        names = [name for name in names if report.has_results(course, name)] or names[:1]
    folder = options.out or course.root / ("report_to_share" if options.share else "report")
    page, *tables = report.write_report(course, names, folder, options.share)
    print(f"Open next, in a browser: {os.path.relpath(page)}")
    print(f"Beside it, as tables: {', '.join(table.name for table in tables)}")
    return 0


def _roster(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    changes = students.enter(course, roster.read_roster(read_table(options.file)))
    _print_table(
        ("student", "name", "e-mail", ""),
        [(one.person.student, one.person.name, one.person.email, one.what) for one in changes],
    )
    return 0


def _collect(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    outcomes = collect.collect(
        course,
        options.assignment,
        options.source,
        options.lms,
        options.pattern,
        options.worksheet,
    )
    _print_table(("who", "what", ""), [(one.who, one.what, one.detail) for one in outcomes])
    problems = [one for one in outcomes if one.is_problem]
    for one in problems:
        print(f"nbjudge: {one.who}: {one.detail}.", file=sys.stderr)
    return 1 if problems else 0


def _grades(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    names = _assignments(course, options)
    for name in names:
        penalties.refresh(course, name)
    found = [score for name in names for score in grades.scores(course, name, options.so_far)]
    left = [(one.person.student, one.status) for one in found if not one.is_graded]
    written = len(found) - len(left)
    if options.into is None:
        grades.write_grades(course, found, options.out)
    else:
        if len(options.assignments) > 1:
            raise CourseError("--into takes the grades of one problem set at a time.")
        if options.out.resolve() == options.into.resolve():
            raise CourseError("--out must be another file than --into.")
        (name,) = options.assignments
        filled = grades.fill(course, name, found, options.into, options.column)
        write_table(filled.table, options.out)
        written, left = filled.written, filled.left
    print(f"{written} grades in {options.out}")
    if left:
        print("Without a grade, which is not a zero:")
        _print_table(("student", "why"), left)
    return 0


def _return(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    name = course.assignment(options.assignment).name
    penalties.refresh(course, name)
    written, complaints = feedback.write_feedback(course, name)
    owners = [path.parent.parent.name for path in written]
    unknown = grades.feedback_zip(course, name, owners, options.out)
    print(f"{len(owners)} feedback pages in {options.out}")
    if unknown:
        print(f"Named after the student, as no LMS's name is known: {', '.join(unknown)}")
    for complaint in complaints:
        print(f"nbjudge: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def _gradescope(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    name = course.assignment(options.assignment).name
    path = options.out or course.root / "gradescope" / f"{name}.zip"
    key = pack.write_autograder(course, name, path, options.show)
    print(f"{os.path.relpath(path)} holds the answer key: give it to nobody but Gradescope.")
    print(f"There, set the autograder's points to {autograder.machine_points(key):g}.")
    by_hand = autograder.questions_by_people(key)
    if by_hand:
        print("Add these as questions that people grade:")
        _print_table(("question", "points"), [(one, f"{points:g}") for one, points in by_hand])
    return 0


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*header)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _audit(options: argparse.Namespace) -> int:
    course = find_course(options.course)
    names = _assignments(course, options)
    audited = [name for name in names if audit.is_audited(course, name)]
    for name in names:
        if name not in audited:
            print(f"{name}: people give all its points, nothing to audit.", file=sys.stderr)
    if not audited:
        return 0
    findings: list[audit.Finding] = []
    with _executor(options) as executor, _progress() as bar:
        for name in audited:
            task = bar.add_task(f"auditing {name}", total=None, what="")
            show = functools.partial(_show, bar, task)
            findings += audit.audit(course, name, executor, show, kept=options.kept)
            bar.update(task, completed=1, total=1)
    if options.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            if finding.detail:
                print(f"{finding.assignment}: {finding.kind} {finding.name} {finding.detail}")
        print(audit.summary(findings))
    return 0 if audit.is_passed(findings) else 1


def _show(bar: Progress, task: TaskID, found: audit.Finding) -> None:
    bar.update(task, what=found.name)


def _demo(options: argparse.Namespace) -> int:
    real = find_course(options.course)
    names = options.assignments or list(real.assignments)[:1]
    for name in names:
        real.assignment(name)  # raises for one that the course does not have
    course = demo.prepare(real, options.folder.absolute())
    graded: dict[str, list[Record]] = {}
    handed_in: dict[str, dict[str, str]] = {}
    with _executor(options) as executor, _progress() as bar:
        for name in names:
            _build_one(course, name, executor, bar)
            invented = demo.invent_class(course, name, options.students)
            demo.hand_in(course, name, invented)
            handed_in[name] = {one.student: one.handed_in for one in invented}
            graded[name] = _grade_one(course, name, executor, bar)
            task = bar.add_task(f"feedback for {name}", total=1, what="")
            pages, _ = feedback.write_feedback(course, name)
            bar.update(task, completed=1, what=f"{len(pages)} pages")
    page, *_ = report.write_report(course, names, course.root / "report")
    for name, records in graded.items():
        print(course.assignment(name).title)
        _print_records(records, handed_in[name])
    print(f"Open next, in a browser: {os.path.relpath(_page_to_open(course, graded))}")
    print(f"and then, as their instructor: {os.path.relpath(page)}")
    print(f"The whole course with its gradebook is in {os.path.relpath(course.root)}.")
    return 0


def _page_to_open(course: Course, graded: dict[str, list[Record]]) -> Path:
    """The feedback of a student whose misconception was found, or of the first one."""
    records = [record for found in graded.values() for record in found]
    named = [record for record in records if any(verdict.mistake for verdict in record.verdicts)]
    chosen = (named or records)[0]
    return course.feedback(chosen.student, chosen.assignment) / f"{chosen.assignment}.html"


@contextlib.contextmanager
def _executor(options: argparse.Namespace, is_ours: bool = True) -> Iterator[NotebookExecutor]:
    """Workers that run notebooks as the options say.

    What the course itself holds, `is_ours`, also runs where this machine has no sandbox.
    """
    isolation = Isolation(options.sandbox, options.warm == "on")
    if is_ours and options.sandbox == "auto" and (reason := bubblewrap.why_not()):
        print(f"nbjudge: without a sandbox, since {reason}.", file=sys.stderr)
        isolation = dataclasses.replace(isolation, sandbox="none")
    isolation.check()
    with workers(options.jobs, isolation) as executor:
        yield executor


class _Rate(ProgressColumn):
    """How many are done in a minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{60 * task.speed:.0f}/min" if task.speed else "")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=Console(stderr=True),
    )


if __name__ == "__main__":
    raise SystemExit(main())
