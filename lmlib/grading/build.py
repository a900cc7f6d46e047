"""`lmlib build`: the release, the answer key, and what every known mistake shows.

Nothing is written before everything has been checked.  The refusals are the point: a notebook
that would leak an answer, a hidden test that an empty answer passes, or a tolerance that a right
answer could miss never becomes a release.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, as_completed
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import lmlib
from lmlib.grading import (
    answer_key,
    compare,
    engine,
    evidence,
    intake,
    judge,
    nbgrader_plugin,
    rules,
)
from lmlib.grading.answer_key import (
    AnswerKey,
    CellKey,
    Expectation,
    MistakeEvidence,
    Payload,
    observations,
)
from lmlib.grading.course import Assignment, Course, CourseError
from lmlib.grading.engine import Run, Task
from lmlib.grading.evidence import Observation
from lmlib.grading.ledger import Ledger
from lmlib.grading.mistakes import (
    KnownWrong,
    Mistake,
    empty_answers,
    read_mistakes,
    with_mistake,
)
from lmlib.grading.notebooks import (
    digest,
    grade_id,
    is_test,
    mentions_region,
    notebook_text,
    points,
    read_notebook,
    without_region,
)
from lmlib.grading.observe import FLOAT_INPUTS
from lmlib.grading.record import Verdict

Progress = Callable[[str, int, int], None]
"""Called with what was just done, how many runs are done, and how many there are."""

VARIANTS = (("float32", 1, 11), ("float64", 2, 22), ("float32", 2, 33), ("float64", 1, 44))
"""How the solution is rerun: dtype of its float inputs, threads, state of the generators."""

SAFETY = 10
"""A tolerance is this far above what right answers vary, and this far below what mistakes do."""


def build(course: Course, name: str, executor: Executor, progress: Progress) -> bool:
    """Build the release and the answer key of the assignment `name`; False if nothing changed.

    Raises CourseError with the reason for each refusal; then nothing has been written.
    """
    assignment = course.assignment(name)
    rules.check_folder(course, name)
    inputs = _inputs_digest(course, assignment)
    if _is_current(course, name, inputs):
        return False
    source = read_notebook(course.source(name))
    rules.check_source(source, course.source(name))
    wrong = read_mistakes(course.mistakes(name), source)
    template, release = nbgrader_plugin.template_and_release(course, name, source)
    _check_release(release, name)
    cells = _record(assignment, source, template, wrong, executor, progress)
    nbgrader_plugin.generate_release(course, name)
    released = answer_key.release_digest(course, name)
    key = AnswerKey(name, inputs, released, tuple(cells), template)
    answer_key.write_key(key, course.key(name))
    return True


def _inputs_digest(course: Course, assignment: Assignment) -> str:
    """A digest of everything that a build reads: notebook, mistakes, settings, lmlib itself."""
    paths = [course.source(assignment.name), course.mistakes(assignment.name)]
    paths.append(course.root / "nbgrader_config.py")
    parts = [path.read_bytes() if path.exists() else b"" for path in paths]
    return digest(*parts, repr(assignment), _library_digest())


@functools.cache
def _library_digest() -> str:
    root = Path(lmlib.__file__).parent
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return digest(*(path.read_bytes() for path in files if path.suffix != ".pyc"))


def _is_current(course: Course, name: str, inputs: str) -> bool:
    try:
        key = answer_key.key_for_grading(course, name)
        with Ledger(course, name):
            return key.inputs == inputs
    except CourseError:
        return False


def _check_release(release: NotebookNode, name: str) -> None:
    for cell in release.cells:
        if marker := mentions_region(cell.source):
            raise CourseError(f"The release of {name} would hold {marker!r} in the cell {cell.id}.")


def _record(
    assignment: Assignment,
    source: NotebookNode,
    template: NotebookNode,
    wrong: KnownWrong,
    executor: Executor,
    progress: Progress,
) -> list[CellKey]:
    """The key of every grade cell, from running the solution, the mistakes and empty answers."""
    variants = [f"solution in {dtype}, {threads} threads" for dtype, threads, _ in VARIANTS]
    empty = empty_answers(source, wrong.empty)
    total = 1 + len(variants) + len(wrong.mistakes) + len(empty) + 1

    base = engine.run(solution_task(assignment, source))
    progress("solution", 1, total)
    _check_solution_ran(base)
    cells = [_cell_key(cell, base) for cell in source.cells if is_test(cell)]
    _judge_all(cells, base, "The solution itself")

    student = functools.partial(student_task, assignment, template)
    tasks = {
        name: _variant_task(assignment, source, variant)
        for name, variant in zip(variants, VARIANTS, strict=True)
    }
    tasks |= {mistake.id: student(with_mistake(source, mistake)) for mistake in wrong.mistakes}
    tasks |= {f"empty answer: {what}": student(answers) for what, answers in empty.items()}
    tasks |= {"empty answer: the stub": student({})}
    runs = _run_all(tasks, executor, lambda what, done: progress(what, done + 1, total))

    for name in variants:
        _check_variant(cells, runs[name], name)
    for name in runs:
        if name.startswith("empty answer"):
            _check_empty(cells, runs[name], name)
    _check_constant_evidence(cells)
    for mistake in wrong.mistakes:
        _check_tolerances(cells, mistake, runs[mistake.id])
    cells = [_with_mistakes(cell, wrong, runs) for cell in cells]
    _check_grouped(cells, wrong)
    for mistake in wrong.mistakes:
        _check_mistake(cells, mistake, runs[mistake.id])
    return cells


def _run_all(
    tasks: Mapping[str, Task], executor: Executor, progress: Callable[[str, int], None]
) -> dict[str, Run]:
    jobs = {executor.submit(engine.run, task): name for name, task in tasks.items()}
    runs = {}
    try:
        for done, job in enumerate(as_completed(jobs), start=1):
            runs[jobs[job]] = job.result()
            progress(jobs[job], done)
    except BaseException:
        for job in jobs:
            job.cancel()
        raise
    return runs


def solution_task(assignment: Assignment, source: NotebookNode) -> Task:
    """The instructor's own notebook, KEY regions and all."""
    return Task(notebook_text(source), assignment.cell_seconds)


def _variant_task(
    assignment: Assignment, source: NotebookNode, variant: tuple[str, int, int]
) -> Task:
    """The solution with its float inputs cast, on some threads, with generators in some state."""
    dtype, threads, seed = variant
    cells = [nbformat.from_dict(cell) for cell in source.cells]
    for cell in cells:
        cell.source = without_region(cell.source, "KEY")
    state = f"import random, sys\nimport numpy as np\nrandom.seed({seed})\nnp.random.seed({seed})\n"
    state += f"if 'torch' in sys.modules:\n    sys.modules['torch'].manual_seed({seed})"
    notebook = nbformat.from_dict(
        {**source, "cells": [new_code_cell(state, id="generator-state"), *cells]}
    )
    environment = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
    environment[FLOAT_INPUTS] = dtype
    return Task(notebook_text(notebook), assignment.cell_seconds, environment=environment)


def student_task(
    assignment: Assignment, template: NotebookNode, answers: Mapping[str, str]
) -> Task:
    """A run of `template` with `answers`: grade_id → source; the other cells keep their stubs."""
    submitted = [
        intake.SubmittedCell(cell.id, name, cell.cell_type == "code", answers[name])
        for cell in template.cells
        if (name := grade_id(cell)) is not None and name in answers
    ]
    if not submitted:
        notebook = template
    else:
        notebook = intake.assemble(template, submitted, assignment.packages).notebook
    return Task(notebook_text(notebook), assignment.cell_seconds)


def _check_solution_ran(run: Run) -> None:
    for cell_id, reason in run.stopped.items():
        raise CourseError(f"The solution does not run: its cell {cell_id} {reason}.")
    for cell in nbformat.reads(run.notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise CourseError(
                    f"The solution does not run: its cell {cell.id} raised "
                    f"{output.ename}: {output.evalue}."
                )


def _cell_key(cell: NotebookNode, run: Run) -> CellKey:
    """The key of one grade cell, from what it observed and expected in the instructor's run."""
    payloads = run.evidence.get(cell.id, ())
    observed = observations(payloads)
    expected = [payload for payload in payloads if "expectation" in payload]
    names = [payload["expectation"] for payload in expected]
    names += [payload["stand_in"] for payload in expected if payload["stand_in"]]

    def refuse(what: str) -> CourseError:
        return CourseError(f"The grade cell {cell.id} {what}.")

    for name, observation in observed.items():
        if observation is None:
            raise refuse(f"observes {name!r} twice")
    for name in names:
        if names.count(name) > 1:
            raise refuse(f"expects {name!r} twice")
        if name not in observed:
            raise refuse(f"expects {name!r}, but does not observe it")
    for name, observation in observed.items():
        if observation is None or name not in names:
            raise refuse(f"observes {name!r}, but its KEY region does not expect it")
        if observation.raised:
            raised = observation.raised
            raise refuse(f"sees the solution raise {raised.type} at {name!r}: {raised.message}")
        if isinstance(observation.value, evidence.Opaque):
            raise refuse(f"cannot compare what {name!r} returns ({observation.value.type})")
    if all(payload["guard"] for payload in expected):
        raise refuse("has only guards, so nothing could earn its points")
    return CellKey(cell.id, points(cell), tuple(_expectation(p, payloads) for p in expected))


def _expectation(expected: Payload, payloads: tuple[Payload, ...]) -> Expectation:
    value = expected["oracle"]
    if value is None:
        name = expected["expectation"]
        value = next(p["value"] for p in payloads if p.get("observation") == name)
    return Expectation(
        name=expected["expectation"],
        comparator=expected["comparator"],
        value=value,
        guard=expected["guard"],
        stand_in=expected["stand_in"],
    )


def judge_run(cells: list[CellKey], run: Run) -> dict[str, Verdict]:
    """The verdict on every grade cell of `run`, by grade_id."""
    return {
        cell.grade_id: judge.judge_cell(
            cell, observations(run.evidence.get(cell.grade_id, ())), run.stopped.get(cell.grade_id)
        )
        for cell in cells
    }


def _judge_all(cells: list[CellKey], run: Run, who: str) -> None:
    for name, verdict in judge_run(cells, run).items():
        if verdict.score < verdict.points:
            raise CourseError(f"{who} loses points in {name}: {' '.join(verdict.words)}")


def _check_variant(cells: list[CellKey], run: Run, name: str) -> None:
    """Refuse tolerances that right answers come near to, and answers that vary otherwise."""
    for cell in cells:
        observed = observations(run.evidence.get(cell.grade_id, ()))
        for entry in cell.expectations:
            units = _gap(entry, observed.get(entry.name))
            if units is not None and units > 1 / SAFETY:
                raise CourseError(
                    f"The tolerance of {entry.name!r} in {cell.grade_id} is too narrow: the "
                    f"{name}, is off by {units:.2g} of it, and a tenth is allowed."
                )
    _judge_all(cells, run, f"The {name},")


def _gap(entry: Expectation, observation: Observation | None) -> float | None:
    """How far an observation is off, in tolerances; None where the comparator has none."""
    if entry.comparator["kind"] != "close" or observation is None or observation.raised:
        return None
    expected = evidence.decode(entry.value)
    if not isinstance(expected, np.ndarray):
        return None
    return compare.gap(entry.comparator, observation.value, expected)


def _check_empty(cells: list[CellKey], run: Run, name: str) -> None:
    for grade_cell, verdict in judge_run(cells, run).items():
        if verdict.score > 0:
            raise CourseError(f"An {name} earns {verdict.score:g} points in {grade_cell}.")


def _check_constant_evidence(cells: list[CellKey]) -> None:
    """Refuse a cell that answers of the right shape without any content would pass."""
    for cell in cells:
        for what, made in (("zeros", 0), ("ones", 1)):
            observed = {
                entry.name: Observation(entry.name, _constant(entry, made))
                for entry in cell.expectations
            }
            if (score := judge.judge_cell(cell, observed).score) > 0:
                raise CourseError(
                    f"An empty answer ({what}, blank text) earns {score:g} points in "
                    f"{cell.grade_id}."
                )


def _constant(entry: Expectation, constant: int) -> Any:
    value = evidence.decode(entry.value)
    if entry.comparator["kind"] == "frequencies":
        return np.full_like(value, value.sum() / value.size, dtype=float) if constant else value * 0
    if isinstance(value, np.ndarray):
        return np.full_like(value, constant)
    if isinstance(value, str):
        return " " * len(value) if constant else ""
    return None


def _check_tolerances(cells: list[CellKey], mistake: Mistake, run: Run) -> None:
    """Refuse a tolerance that comes near to what `mistake` changes."""
    for cell in cells:
        if cell.grade_id not in mistake.breaks:
            continue
        observed = observations(run.evidence.get(cell.grade_id, ()))
        for entry in cell.expectations:
            units = _gap(entry, observed.get(entry.name))
            if units is not None and 1 / SAFETY < units < SAFETY:
                raise CourseError(
                    f"The tolerance of {entry.name!r} in {cell.grade_id} does not separate the "
                    f"mistake {mistake.id}, which is off by {units:.2g} of it: a right answer "
                    f"must stay below 0.1, a mistake above {SAFETY}."
                )


def _with_mistakes(cell: CellKey, wrong: KnownWrong, runs: Mapping[str, Run]) -> CellKey:
    found = tuple(
        MistakeEvidence(
            id=mistake.id,
            says=mistake.says,
            credit=mistake.credit,
            payloads=runs[mistake.id].evidence.get(cell.grade_id, ()),
        )
        for mistake in wrong.mistakes
        if cell.grade_id in mistake.breaks
    )
    return dataclasses.replace(cell, mistakes=found)


def _check_grouped(cells: list[CellKey], wrong: KnownWrong) -> None:
    """Refuse two mistakes that show the same in a cell, unless they are of one group."""
    group = {mistake.id: mistake.group for mistake in wrong.mistakes}
    for cell in cells:
        for one, other in combinations(cell.mistakes, 2):
            if group[one.id] is not None and group[one.id] == group[other.id]:
                continue
            if one in judge.known_mistakes(cell, observations(other.payloads)):
                raise CourseError(
                    f"The mistakes {one.id} and {other.id} show the same in {cell.grade_id}: give "
                    "them one `group`, or add an observation that tells them apart."
                )


def _check_mistake(cells: list[CellKey], mistake: Mistake, run: Run) -> None:
    """Refuse a mistake that does not lose what it should, or loses elsewhere too."""
    for name, verdict in judge_run(cells, run).items():
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
