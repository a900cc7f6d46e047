"""Which mutants lose points, and which also fail a visible check.

One mutant of each exercise runs in one notebook, as the answers of one student, so a problem set
needs tens of runs rather than hundreds. Exercises that lean on one another do not share a notebook:
a first round of runs, each with one exercise unsolved, shows which cells every exercise reaches.
"""

import dataclasses
import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from nbjudge.authoring.mistakes import solutions_of
from nbjudge.authoring.mutation.operators import Mutant, mutants_of
from nbjudge.authoring.runs import carrying, run_all, student_task
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import (
    grade_id,
    is_check,
    is_solution,
    read_notebook,
    solution_text,
)
from nbjudge.judge import judge
from nbjudge.judge.answer_key import AnswerKey, key_for_grading
from nbjudge.sandbox.engine import Run
from nbjudge.sandbox.workers import NotebookExecutor

CELL_SECONDS = 15.0
"""The longest that a cell may take: a mutant that never ends is killed too."""

ENOUGH_CHECKED = 0.85
"""The share of mutants that a visible check must catch too."""


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant."""

    assignment: str
    cell: str
    mutant: Mutant
    is_killed: bool  # it lost points, or its cell did not run
    is_checked: bool  # a visible check failed
    because: str = ""  # why it is equivalent, if it is declared so

    @property
    def is_survivor(self) -> bool:
        return not self.is_killed and not self.because


Edit = tuple[str, str, str]
"""A solution cell, and the lines that a mutant changes, before and after."""


Progress = Callable[[str, int, int], None]
"""Called with what was done last, how many runs are done, and how many there are."""


def audit_mutants(
    course: Course,
    name: str,
    executor: NotebookExecutor,
    progress: Progress = lambda *_: None,
    sample: int | None = None,
    seed: int = 0,
) -> list[Outcome]:
    """What becomes of the mutants of every exercise of the assignment `name`.

    An exercise that no hidden test reaches, such as a figure that a person grades, has none.

    sample: at most so many mutants of each exercise, drawn with `seed`; None: all

    Raises CourseError if the assignment has no current release and key, or if an equivalent
    mutant that its mistakes file declares does not exist.
    """
    key = key_for_grading(course, name)
    source = read_notebook(course.source(name))
    known = {cell: mutants_of_cell(text) for cell, text in _solutions(source).items()}
    equivalent = read_equivalents(course.mistakes(name), known)
    drawn = {cell: _drawn(found, sample, f"{seed} {cell}") for cell, found in known.items()}
    runner = _Runner(course, name, key, source, executor, progress)
    reached = runner.reached()
    graded = {cell: found for cell, found in drawn.items() if reached[cell] - runner.checks}
    return [
        dataclasses.replace(
            outcome, because=equivalent.get(_edit(outcome.cell, outcome.mutant), "")
        )
        for outcome in runner.outcomes(_rounds(graded, reached), reached)
    ]


def mutants_of_cell(source: str) -> list[Mutant]:
    """The mutants of a solution cell, in the lines that its SOLUTION regions hold."""
    inside, is_open, number = [], False, 0
    for line in source.split("\n"):
        if line.strip() == "### BEGIN SOLUTION":
            is_open = True
        elif line.strip() == "### END SOLUTION":
            is_open = False
        else:
            number += 1
            inside += [number] if is_open else []
    return mutants_of(solution_text(source), frozenset(inside).__contains__)


def read_equivalents(path: Path, known: Mapping[str, Sequence[Mutant]]) -> dict[Edit, str]:
    """The mutants that the mistakes file at `path` declares to be right answers, and why.

    known: the mutants of each solution cell

    Raises CourseError for one that is no mutant, or that has no reason.
    """
    listed = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    edits = {_edit(cell, mutant) for cell, mutants in known.items() for mutant in mutants}
    found: dict[Edit, str] = {}
    for entry in listed.get("equivalent", []):
        try:
            edit, because = (entry["cell"], entry["before"], entry["after"]), entry["because"]
        except KeyError as error:
            raise CourseError(f"{path.name}: an [[equivalent]] lacks {error}.") from error
        if edit not in edits:
            raise CourseError(
                f"{path.name}: an [[equivalent]] of {edit[0]} is no mutant: "
                f"{edit[1]!r} → {edit[2]!r}."
            )
        if not str(because).strip():
            raise CourseError(f"{path.name}: an [[equivalent]] of {edit[0]} gives no reason.")
        found[edit] = str(because)
    return found


def _edit(cell: str, mutant: Mutant) -> Edit:
    return cell, mutant.before, mutant.after


def _solutions(source: NotebookNode) -> dict[str, str]:
    """The solution cells with their markers, by grade_id."""
    return {
        name: cell.source
        for cell in source.cells
        if cell.cell_type == "code" and is_solution(cell) and (name := grade_id(cell))
    }


def _drawn(mutants: list[Mutant], sample: int | None, seed: str) -> list[Mutant]:
    if sample is None or len(mutants) <= sample:
        return mutants
    return random.Random(seed).sample(mutants, sample)


Round = dict[str, Mutant]
"""Mutants of different exercises that run in one notebook, by solution cell."""


def _rounds(
    mutants: Mapping[str, Sequence[Mutant]], reached: Mapping[str, frozenset[str]]
) -> list[Round]:
    """Mutants that may run together: no exercise of a round reaches the cells of another."""
    groups: list[list[str]] = []
    for cell in sorted(mutants, key=lambda cell: -len(mutants[cell])):
        for group in groups:
            if not any(reached[cell] & reached[other] for other in group):
                group.append(cell)
                break
        else:
            groups.append([cell])
    return [
        {cell: mutant for cell, mutant in zip(group, together, strict=True) if mutant is not None}
        for group in groups
        for together in zip_longest(*(mutants[cell] for cell in group))
    ]


class _Runner:
    """Runs answers to one assignment and says which tests and checks they fail."""

    def __init__(
        self,
        course: Course,
        name: str,
        key: AnswerKey,
        source: NotebookNode,
        executor: NotebookExecutor,
        progress: Progress,
    ) -> None:
        self.assignment = dataclasses.replace(
            course.assignment(name), limits=Limits(cell_seconds=CELL_SECONDS)
        )
        self.key, self.executor, self.progress = key, executor, progress
        self.kept = course.key(name) / "mutants"
        self.answers = solutions_of(source)
        self.checks = frozenset(cell.id for cell in source.cells if is_check(cell))

    def reached(self) -> dict[str, frozenset[str]]:
        """By exercise, the tests and checks that fail if it is left as it was handed out."""
        tasks = {
            cell: {name: text for name, text in self.answers.items() if name != cell}
            for cell in self.answers
        }
        return {cell: self._failed(run) for cell, run in self._run(tasks, "unsolved").items()}

    def outcomes(
        self, rounds: Sequence[Round], reached: Mapping[str, frozenset[str]]
    ) -> list[Outcome]:
        """What became of every mutant of every round."""
        tasks = {
            f"round {number}": self.answers | {cell: one.source for cell, one in found.items()}
            for number, found in enumerate(rounds, start=1)
        }
        runs = self._run(tasks, "rounds")
        outcomes = []
        for number, found in enumerate(rounds, start=1):
            failed = self._failed(runs[f"round {number}"])
            for cell, mutant in found.items():
                own = failed & reached[cell]
                outcomes.append(
                    Outcome(
                        self.assignment.name,
                        cell,
                        mutant,
                        is_killed=bool(own - self.checks),
                        is_checked=bool(own & self.checks),
                    )
                )
        return outcomes

    def _failed(self, run: Run) -> frozenset[str]:
        """The tests that lost points in a run, and the checks that failed."""
        verdicts = judge.judge_run(self.key.cells, run)
        lost = {name for name, verdict in verdicts.items() if verdict.score < verdict.points}
        cells = nbformat.reads(run.notebook, as_version=4).cells
        failed = {
            cell.id
            for cell in cells
            if cell.id in self.checks
            and (
                cell.id in run.stopped
                or any(output.output_type == "error" for output in cell.outputs)
            )
        }
        return frozenset(lost | failed)

    def _run(self, answers: Mapping[str, Mapping[str, str]], what: str) -> dict[str, Run]:
        tasks = {
            name: student_task(self.assignment, carrying(self.key.template, self.key.files), found)
            for name, found in answers.items()
        }

        def progress(name: str, done: int) -> None:
            self.progress(name, done, len(tasks))

        return run_all(tasks, self.executor, progress, self.kept / what)


def summary(outcomes: Sequence[Outcome]) -> str:
    """The end of the audit's last line."""
    equivalent = sum(bool(outcome.because) for outcome in outcomes)
    killed = sum(outcome.is_killed for outcome in outcomes if not outcome.because)
    return f"mutants {killed}/{len(outcomes) - equivalent} killed, {equivalent} equivalent"


def checked_share(outcomes: Sequence[Outcome]) -> float:
    """The share of the wrong mutants that a visible check catches; 1 if there is none."""
    wrong = [outcome for outcome in outcomes if outcome.is_killed and not outcome.because]
    return sum(outcome.is_checked for outcome in wrong) / len(wrong) if wrong else 1.0


def described(outcome: Outcome) -> str:
    """A mutant for a person: its cell, its operator, and the smallest difference."""
    before = outcome.mutant.before.replace("\n", "\n    - ")
    after = outcome.mutant.after.replace("\n", "\n    + ")
    return f"{outcome.cell}: {outcome.mutant.operator}\n    - {before}\n    + {after}"
