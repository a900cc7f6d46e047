"""Grammar of the command `nbjudge`: subcommands in the order of use, options, and examples.

Nothing is imported here that is not needed to list the commands.
"""

import argparse
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbjudge
from nbjudge.shared.command_line import Parser

DESCRIPTION = "Build, grade, and return the assignments of a course."
SEEN = ("visible", "after_due_date", "after_published", "hidden")
"""When Gradescope can show students their scores."""


@dataclass(frozen=True)
class Command:
    """A subcommand: what it does, an example of it, and the function that runs it."""

    name: str
    does: str
    example: str
    run: str  # "module of nbjudge.cli:function"
    add_options: Callable[[Parser], None]
    only_reads: bool = False  # so it also runs in the archive of a finished term


def parser() -> Parser:
    """The parser of the whole command."""
    made = Parser(
        prog="nbjudge",
        usage="nbjudge [-h] [--version] [--course FOLDER] COMMAND ...",
        description=DESCRIPTION,
        epilog=_overview(),
    )
    made.add_argument("--version", action="version", version=f"nbjudge {nbjudge.__version__}")
    made.add_argument("--course", type=Path, metavar="FOLDER",
                      help="the course's folder (default: this or a parent folder)")  # fmt: skip
    commands = made.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for group in GROUPS.values():
        for command in group:
            sub = commands.add_parser(
                command.name,
                prog=f"nbjudge {command.name}",
                description=command.does,
                epilog=f"example:\n  {command.example}",
            )
            command.add_options(sub)
            sub.set_defaults(run=command.run, parser=sub, only_reads=command.only_reads)
    return made


def _overview() -> str:
    """All commands by group, for the help of the whole command."""
    lines = []
    for title, group in GROUPS.items():
        lines += [f"{title}:", *(f"  {one.name:<12}{one.does}" for one in group), ""]
    return "\n".join([*lines, "`nbjudge COMMAND -h` explains a command and has an example of it."])


def _assignment(made: Parser) -> None:
    made.add_argument("assignment", metavar="PS")


def _assignments(made: Parser) -> None:
    made.add_argument("assignments", nargs="+", metavar="PS")


def _assignments_or_all(made: Parser) -> None:
    made.add_argument("assignments", nargs="*", metavar="PS", help="default: all in the course")


def _running(made: Parser) -> None:
    """The options of a command that runs notebooks."""
    made.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N",
                      help="how many notebooks run at once (default: one per core)")  # fmt: skip
    _sandbox(made)


def _sandbox(made: Parser) -> None:
    made.add_argument("--sandbox", choices=("auto", "bwrap", "none"), default="auto",
                      help="bwrap: sandbox required; none: run with your own permissions "
                      "(default: auto, which is bwrap for students' code)")  # fmt: skip
    made.add_argument("--warm", choices=("on", "off"), default="on",
                      help="off: a new process for each kernel (default: on)")  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _roster(made: Parser) -> None:
    made.add_argument("file", type=Path, metavar="CSV")


def _build(made: Parser) -> None:
    _assignments_or_all(made)
    _running(made)


def _audit(made: Parser) -> None:
    _assignments_or_all(made)
    made.add_argument("--json", action="store_true", help="print the findings as JSON")
    made.add_argument("--kept", action="store_true",
                      help="judge the build's runs of mistakes instead of new ones")  # fmt: skip
    made.add_argument("--mutants", action="store_true",
                      help="run mutants of the solutions too, and show the survivors")  # fmt: skip
    made.add_argument("--sample", type=_positive, metavar="N",
                      help="with --mutants: at most N per exercise (default: all)")  # fmt: skip
    _running(made)


class _Systems(Collection[str]):
    """The names of the supported LMSs, imported only when needed."""

    def __iter__(self) -> Iterator[str]:
        from nbjudge.lms.registry import LMSS

        return iter(LMSS)

    def __contains__(self, name: object) -> bool:
        return name in [*self]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _collect(made: Parser) -> None:
    _assignment(made)
    made.add_argument("source", nargs="?", type=Path, metavar="FOLDER_OR_ZIP",
                      help="default: only apply course.toml's rules again")  # fmt: skip
    made.add_argument("--lms", choices=_Systems(), metavar="LMS",
                      help="who made the download: canvas, moodle, gradescope, plain, … (default: "
                      "recognized by its file names)")  # fmt: skip
    made.add_argument("--worksheet", type=Path, metavar="CSV",
                      help="Moodle's grading worksheet: participants and times")  # fmt: skip
    made.add_argument("--pattern", metavar="REGEX",
                      help="for paths; has a group student, email, lms_id or person, and "
                      "attempt or time if there are several attempts")  # fmt: skip


def _evidence(made: Parser) -> None:
    _assignment(made)
    made.add_argument("cell", metavar="CELL", help="its grade_id")


def _grade(made: Parser) -> None:
    _assignments(made)
    made.add_argument("--student", metavar="S", help="only this student's submission")
    made.add_argument("--force", action="store_true", help="regrade graded submissions")
    made.add_argument("--json", action="store_true", help="print the records as JSON")
    _running(made)


def _blanks(made: Parser) -> None:
    _assignments(made)
    made.add_argument("--give-zero", action="store_true", help="give all of them 0 points")


def _watch(made: Parser) -> None:
    _assignments(made)
    _running(made)


def _feedback(made: Parser) -> None:
    _assignments(made)
    made.add_argument("--student", metavar="S", help="only this student's page")
    made.add_argument(
        "--solutions",
        action="store_true",
        help="instead, a page with the solutions, once nobody may hand in any more",
    )


def _return(made: Parser) -> None:
    _assignment(made)
    made.add_argument("--out", type=Path, default=Path("feedback.zip"), metavar="ZIP",
                      help="default: feedback.zip")  # fmt: skip


def _points(text: str) -> float:
    """A number of points above 0.  Raises argparse's error."""
    try:
        points = float(text)
    except ValueError:
        points = 0.0
    if not 0 < points < 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of points above 0")
    return points


def _grades(made: Parser) -> None:
    made.add_argument("assignments", nargs="*", metavar="PS",
                      help="default: all that are graded, and totals over the term")  # fmt: skip
    made.add_argument("--into", type=Path, metavar="CSV",
                      help="the LMS's own file for grades, such as Canvas's gradebook")  # fmt: skip
    made.add_argument("--column", metavar="NAME", help="the column of that file")
    made.add_argument("--out-of", type=_points, metavar="POINTS",
                      help="that column's maximum, to which points are converted")  # fmt: skip
    made.add_argument("--out", type=Path, default=Path("grades.csv"), metavar="CSV",
                      help="default: grades.csv")  # fmt: skip
    made.add_argument("--so-far", action="store_true",
                      help="include grades that still wait for a person")  # fmt: skip


def _report(made: Parser) -> None:
    made.add_argument("assignments", nargs="*", metavar="PS", help="default: all that are graded")
    made.add_argument("--share", action="store_true", help="omit everything that names a student")
    made.add_argument("--out", type=Path, metavar="FOLDER",
                      help="default: report, or report_to_share")  # fmt: skip


def _explain(made: Parser) -> None:
    _assignment(made)
    made.add_argument("student", metavar="STUDENT")
    made.add_argument("cell", nargs="?", metavar="CELL",
                      help="a grade cell's name (default: all)")  # fmt: skip
    made.add_argument("--html", action="store_true",
                      help="write a page to explained/STUDENT/PS.html")  # fmt: skip
    _sandbox(made)


def _regrade(made: Parser) -> None:
    _assignment(made)
    made.add_argument("--file", type=Path, required=True, metavar="CSV",
                      help="who asks, by id, e-mail or name; may have a column cell")  # fmt: skip
    made.add_argument("--out", type=Path, default=Path("answers.csv"), metavar="CSV",
                      help="default: answers.csv")  # fmt: skip
    _running(made)


def _history(made: Parser) -> None:
    _assignments_or_all(made)
    made.add_argument("--out", type=Path, default=Path("history.csv"), metavar="CSV",
                      help="default: history.csv")  # fmt: skip


def _correct(made: Parser) -> None:
    _assignment(made)
    made.add_argument("--check", action="store_true", help="only say what would change")
    _running(made)


def _gradescope(made: Parser) -> None:
    _assignment(made)
    made.add_argument("--show", choices=SEEN, default="after_published",
                      help="when students see scores (default: after_published)")  # fmt: skip
    made.add_argument("--out", type=Path, metavar="ZIP", help="default: gradescope/PS.zip")


def _archive(made: Parser) -> None:
    made.add_argument("out", type=Path, metavar="ZIP")


def _new_term(made: Parser) -> None:
    made.add_argument("term", metavar="TERM", help="its name, such as '2027 spring'")
    made.add_argument("--archive", type=Path, required=True, metavar="ZIP",
                      help="of the last term, made by `nbjudge archive`")  # fmt: skip


def _move_gradebook(made: Parser) -> None:
    made.add_argument("url", metavar="URL", help="postgresql+psycopg://USER@HOST/DATABASE, with "
                      "the password in ~/.pgpass; or sqlite:///PATH")  # fmt: skip


def _demo(made: Parser) -> None:
    made.add_argument("assignments", nargs="*", metavar="PS",
                      help="default: the course's first")  # fmt: skip
    made.add_argument("--students", type=_positive, default=12, metavar="N", help="default: 12")
    made.add_argument("--folder", type=Path, default=Path("demo"), help="default: ./demo")
    _running(made)


GROUPS: dict[str, tuple[Command, ...]] = {
    "set up": (
        Command("roster", "Enter an LMS's list of students in the gradebook.",
                "nbjudge roster class.csv", "set_up:roster", _roster),
        # there is no course yet
        Command("adopt", "Take an nbgrader course as it stands, with its own asserts.",
                "nbjudge adopt", "set_up:adopt", _running, True),
        Command("evidence", "Draft the observe and expect form of a cell of asserts.",
                "nbjudge evidence hw1 mean_test", "set_up:evidence", _evidence, True),
        Command("build", "Build releases and answer keys; only what changed.",
                "nbjudge build ps1 --jobs 4", "set_up:build", _build),
        Command("audit", "Check that every known mistake loses its points and gets its name, "
                "and every alternate keeps them.",
                "nbjudge audit ps1", "set_up:audit", _audit),
        Command("handout", "Record that students get the releases as they are.",
                "nbjudge handout ps1 ps2", "set_up:handout", _assignments),
    ),
    "collect and grade": (
        Command("collect", "Sort an LMS's download of submissions into submitted/.",
                "nbjudge collect ps1 submissions.zip", "grading:collect", _collect),
        Command("grade", "Grade every submission, or say why it cannot be graded.",
                "nbjudge grade ps1 --student ada --force", "grading:grade", _grade),
        Command("watch", "Grade submissions as they arrive and write their feedback, until Ctrl-C.",
                "nbjudge watch ps1 ps2", "grading:watch", _watch),
        Command("blanks", "List written answers that are blank, or give all of them 0.",
                "nbjudge blanks ps1 --give-zero", "grading:blanks", _blanks),
    ),
    "return results": (
        Command("feedback", "Write a feedback page for every graded submission.",
                "nbjudge feedback ps1", "give_back:feedback", _feedback),
        Command("return", "Zip the feedback pages in the form their LMS accepts.",
                "nbjudge return ps1 --out feedback_ps1.zip", "give_back:return_", _return),
        Command("grades", "Write the grades, or enter them in an LMS's own file.",
                "nbjudge grades ps1 --into gradebook.csv --out upload.csv", "give_back:grades",
                _grades, True),
        Command("report", "Write a page and tables on class results.",
                "nbjudge report ps1 --share", "give_back:report", _report, True),
    ),
    "answer requests": (
        Command("explain", "Show instructors what each hidden observation was, and should be.",
                "nbjudge explain ps1 ada mean_test --html", "requests:explain", _explain, True),
        Command("regrade", "Grade those who ask for it again, explain, and answer.",
                "nbjudge regrade ps1 --file requests.csv", "requests:regrade", _regrade),
        Command("history", "Write who changed which score, when, from what to what.",
                "nbjudge history ps1 --out history.csv", "requests:history", _history, True),
    ),
    "later": (
        Command("correct", "Correct a release that students have, or say why this is impossible.",
                "nbjudge correct ps1 --check", "later:correct", _correct),
        Command("gradescope", "Pack a release and its answer key as an autograder for Gradescope.",
                "nbjudge gradescope ps1 --show visible", "later:gradescope", _gradescope),
        Command("archive", "Keep a term in one zip, which opens again for reading only.",
                "nbjudge archive ../2026-autumn.zip", "terms:archive", _archive),
        Command("new-term", "Start the course again, with new inputs for its hidden tests.",
                "nbjudge new-term 2027-spring --archive ../2026-autumn.zip", "terms:new_term",
                _new_term),
        Command("move-gradebook", "Copy the gradebook to PostgreSQL or SQLite, row by row.",
                "nbjudge move-gradebook postgresql+psycopg://course@localhost/course",
                "terms:move_gradebook", _move_gradebook),
        Command("demo", "Run an invented class from release to feedback: through the course's "
                "first problem set, or those named.",
                "nbjudge demo --students 20 --folder ../demo", "later:demo", _demo),
    ),
}  # fmt: skip
"""The commands in the order of use."""
