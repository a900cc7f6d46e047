"""Rules for answer keys: the build's refusals that need runs of the notebook.

Right answers keep their points however they are computed, empty ones earn nothing, and each known
mistake loses what it should and can be distinguished from the others.  Every function raises
CourseError, which names the cell and the reason.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import combinations

import nbformat

from nbjudge.authoring.mistakes import KnownWrong, Mistake
from nbjudge.core.errors import CourseError
from nbjudge.judge import judge, naming
from nbjudge.judge.answer_key import CellKey, Expectation, observations, read_payloads
from nbjudge.judge.verdicts import Verdict
from nbjudge.kernel import evidence
from nbjudge.kernel.evidence import Observation
from nbjudge.sandbox.engine import Run

FAILED_CHECKS = ("CheckFailed", "AssertionError")
"""What a visible check raises, by name, if it does not hold."""

SAFETY = 10
"""The factor between the spread of right answers and a tolerance, and between it and mistakes."""


def check_solution_ran(run: Run) -> None:
    """Refuse a solution that stops or raises in any cell."""
    for cell_id, reason in run.stopped.items():
        raise CourseError(f"The solution does not run: its cell {cell_id} {reason}.")
    for cell in nbformat.reads(run.notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename in FAILED_CHECKS:
                raise CourseError(
                    f"The solution does not pass its own check {cell.id}: {output.evalue}\n"
                    "If it is right, put the numbers that it gives into the check."
                )
            if output.output_type == "error":
                raise CourseError(
                    f"The solution does not run: its cell {cell.id} raised "
                    f"{output.ename}: {output.evalue}."
                )


def check_full_marks(cells: list[CellKey], run: Run, who: str) -> None:
    """Refuse a run of a right answer that loses points; `who` begins the sentence.

    It must match in every way, with its own parts and with stand-ins.
    """
    strict = [
        dataclasses.replace(
            cell,
            expectations=tuple(
                Expectation(name, entry.comparator, value, entry.guard)
                for entry in cell.expectations
                for name, value in entry.ways()
            ),
        )
        for cell in cells
    ]
    for name, verdict in judge.judge_run(strict, run).items():
        if verdict.score < verdict.points:
            raise CourseError(f"{who} loses points in {name}: {' '.join(verdict.words)}")


def check_variant(cells: list[CellKey], run: Run, name: str) -> None:
    """Refuse tolerances that right answers almost exceed, and answers that vary in other ways."""
    for cell in cells:
        observed = observations(read_payloads(run.evidence.get(cell.grade_id, ())))
        for what, units in _gaps(cell, observed):
            if units > 1 / SAFETY:
                raise CourseError(
                    f"The tolerance of {what!r} in {cell.grade_id} is too narrow: the "
                    f"{name}, is off by {units:.2g} of it, and a tenth is allowed."
                )
    check_full_marks(cells, run, f"The {name},")


def _gaps(cell: CellKey, observed: Mapping[str, Observation | None]) -> Iterator[tuple[str, float]]:
    """The deviation of each observation, in tolerances, if its comparator has one."""
    for entry in cell.expectations:
        for name, value in entry.ways():
            observation = observed.get(name)
            if observation is None or observation.raised:
                continue
            units = entry.rule.gap(observation.value, evidence.decode(value))
            if units is not None:
                yield name, units


def check_empty(cells: list[CellKey], run: Run, name: str) -> None:
    """Refuse hidden tests if the run of an empty answer earns anything."""
    for grade_cell, verdict in judge.judge_run(cells, run).items():
        if verdict.score > 0:
            raise CourseError(f"An {name} earns {verdict.score:g} points in {grade_cell}.")


def check_constants(cells: list[CellKey]) -> None:
    """Refuse a cell that constants of the right shape would pass."""
    for cell in cells:
        for what, filling in (("zeros", 0), ("ones", 1)):
            observed = {
                name: Observation(name, entry.rule.trivial(evidence.decode(value), filling))
                for entry in cell.expectations
                for name, value in entry.ways()
            }
            if (score := judge.judge_cell(cell, observed).score) > 0:
                raise CourseError(
                    f"An empty answer ({what}, blank text) earns {score:g} points in "
                    f"{cell.grade_id}."
                )


def check_tolerances(cells: list[CellKey], mistake: Mistake, run: Run) -> None:
    """Refuse a tolerance close to the deviation of `mistake`."""
    for cell in cells:
        if cell.grade_id not in mistake.breaks:
            continue
        observed = observations(read_payloads(run.evidence.get(cell.grade_id, ())))
        for what, units in _gaps(cell, observed):
            if 1 / SAFETY < units < SAFETY:
                raise CourseError(
                    f"The tolerance of {what!r} in {cell.grade_id} does not separate the "
                    f"mistake {mistake.id}, which is off by {units:.2g} of it: a right answer "
                    f"must stay below 0.1, a mistake above {SAFETY}."
                )


def check_groups(cells: list[CellKey], wrong: KnownWrong) -> None:
    """Refuse two mistakes with the same evidence in a cell, unless they are in one group."""
    group = {mistake.id: mistake.group for mistake in wrong.mistakes}
    for cell in cells:
        for one, other in combinations(cell.mistakes, 2):
            if group[one.id] is not None and group[one.id] == group[other.id]:
                continue
            if one in naming.known_mistakes(cell, observations(other.payloads)):
                raise CourseError(
                    f"The mistakes {one.id} and {other.id} show the same in {cell.grade_id}: give "
                    "them one `group`, or add an observation that tells them apart."
                )


def check_mistake(cells: list[CellKey], mistake: Mistake, run: Run) -> None:
    """Refuse a mistake that does not lose what it should, or loses points elsewhere too."""
    for name, verdict in judge.judge_run(cells, run).items():
        if name in mistake.breaks:
            if not is_caught(verdict, mistake):
                raise CourseError(
                    f"The mistake {mistake.id} keeps {verdict.score:g} of {verdict.points:g} "
                    f"points in {name}: the hidden tests do not catch it."
                )
        elif verdict.score < verdict.points:
            raise CourseError(
                f"The mistake {mistake.id} also loses points in {name}: {' '.join(verdict.words)} "
                "List that cell in its `breaks`."
            )


def is_caught(verdict: Verdict, mistake: Mistake) -> bool:
    """Whether a mistake lost at least half the points, or exactly all but its credit."""
    if mistake.credit is not None:
        return verdict.score == judge.round_to_quarters(
            mistake.credit * verdict.points, verdict.points
        )
    return verdict.score <= verdict.points / 2
