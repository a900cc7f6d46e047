"""Runs for builds and audits: the solution, its variants, and students' answers."""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from nbjudge.authoring import reach
from nbjudge.core import code_digests
from nbjudge.core.course import Assignment
from nbjudge.core.files import digest, write_text
from nbjudge.core.notebooks import METADATA_KEY, compact_text, grade_id, is_solution, without_region
from nbjudge.judge import intake, intake_asserts
from nbjudge.kernel.observe import FLOAT_INPUTS
from nbjudge.sandbox import engine
from nbjudge.sandbox.engine import Run, Task
from nbjudge.sandbox.workers import NotebookExecutor

VARIANTS = (("float32", 1, 11), ("float64", 2, 22), ("float32", 2, 33), ("float64", 1, 44))
"""Variants of the solution's run: dtype of its float inputs, threads, state of the generators."""


def solution_task(assignment: Assignment, source: NotebookNode) -> Task:
    """The instructor's own notebook, including KEY regions."""
    return _task(assignment, source)


def variant_task(
    assignment: Assignment, source: NotebookNode, variant: tuple[str, int, int]
) -> Task:
    """The solution with other dtypes of its float inputs, threads and states of the generators."""
    dtype, threads, seed = variant
    cells = [nbformat.from_dict(cell) for cell in source.cells]
    for cell in cells:
        cell.source = without_region(cell.source, "KEY")
    state = f"import random, sys\nimport numpy as np\nrandom.seed({seed})\nnp.random.seed({seed})\n"
    state += f"if 'torch' in sys.modules:\n    sys.modules['torch'].manual_seed({seed})"
    notebook = nbformat.from_dict(
        {**source, "cells": [new_code_cell(state, id="generator-state"), *cells]}
    )
    every = {name: "" for cell in cells if is_solution(cell) and (name := grade_id(cell))}
    notebook = _in_reach(notebook, every)
    return _task(assignment, notebook, threads=threads, environment={FLOAT_INPUTS: dtype})


def student_task(
    assignment: Assignment,
    template: NotebookNode,
    answers: Mapping[str, str],
    own: str = "",
    known: Mapping[str, str] | None = None,
) -> Task:
    """A run of `template` with `answers`: grade_id → source; the other cells keep their stubs.

    own:   a code cell that the student has added before the first exercise
    known: the answers of a known run: the task leaves out the tests and checks that must show the
           same, see `with_rest`; None: it runs everything
    """
    submitted = [
        intake.SubmittedCell(cell.id, name, cell.cell_type == "code", answers[name])
        for cell in template.cells
        if (name := grade_id(cell)) is not None and name in answers
    ]
    if own:
        first = next(at for at, cell in enumerate(template.cells) if is_solution(cell))
        before = template.cells[first - 1]
        text = intake.released(before)
        is_code = before.cell_type == "code"
        submitted = [
            intake.SubmittedCell(before.id, grade_id(before), is_code, text),
            intake.SubmittedCell("", None, True, own),
            *submitted,
        ]
    if assignment.has_asserts:
        notebook = _with_asserts(template, answers, own)
    elif not submitted:
        notebook = template
    else:
        notebook = intake.assemble(template, submitted, assignment.packages).notebook
    if known is not None:
        changed = [name for name in answers if answers[name] != known.get(name)]
        notebook = _in_reach(notebook, {name: known.get(name, "") for name in changed})
    return _task(assignment, notebook)


def _in_reach(notebook: NotebookNode, before: Mapping[str, str]) -> NotebookNode:
    """`notebook` without the cells that `reach.out_of_reach` finds."""
    left_out = reach.out_of_reach(notebook, before)
    return nbformat.from_dict(
        {**notebook, "cells": [cell for cell in notebook.cells if cell.id not in left_out]}
    )


def with_rest(run: Run, known: Run) -> Run:
    """`run`, with what the run `known` shows of the cells that its notebook did not have."""
    own = {cell["id"] for cell in json.loads(run.notebook)["cells"]}
    rest = {cell: found for cell, found in known.evidence.items() if cell not in own}
    return dataclasses.replace(run, evidence={**rest, **run.evidence})


def _with_asserts(template: NotebookNode, answers: Mapping[str, str], own: str) -> NotebookNode:
    """The run notebook of a student who has changed nothing but these answers."""
    submitted = [
        intake.SubmittedCell(
            cell.id, name := grade_id(cell), cell.cell_type == "code",
            answers.get(name or "", cell.source), is_raw=cell.cell_type == "raw",
        )
        for cell in template.cells
    ]  # fmt: skip
    if own:
        first = next(at for at, cell in enumerate(template.cells) if is_solution(cell))
        submitted.insert(first, intake.SubmittedCell("", None, True, own))
    return intake_asserts.assemble(template, submitted).notebook


def carrying(notebook: NotebookNode, files: Mapping[str, bytes]) -> NotebookNode:
    """`notebook`, whose runs have `files` next to it."""
    if not files:
        return notebook
    made = nbformat.from_dict(notebook)
    packed = {name: base64.b64encode(content).decode() for name, content in files.items()}
    made.metadata.setdefault(METADATA_KEY, {})["files"] = packed
    return made


def _unpacked(notebook: NotebookNode) -> dict[str, bytes]:
    packed = notebook.metadata.get(METADATA_KEY, {}).get("files", {})
    return {name: base64.b64decode(content) for name, content in packed.items()}


def _task(
    assignment: Assignment,
    notebook: NotebookNode,
    threads: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Task:
    if assignment.has_asserts and notebook.cells[0].id != intake_asserts.HELPERS:
        cells = [intake_asserts.helpers(), *notebook.cells]
        notebook = nbformat.from_dict({**notebook, "cells": cells})
    return Task(
        compact_text(notebook),
        assignment.limits,
        _unpacked(notebook),
        packages=assignment.packages,
        library=assignment.library,
        threads=threads,
        environment={**assignment.environment, **(environment or {})},
    )


def run_all(
    tasks: Mapping[str, Task],
    executor: NotebookExecutor,
    progress: Callable[[str, int], None],
    kept: Path,
) -> dict[str, Run]:
    """Run `tasks` in parallel; `progress` gets the name of each finished one, and their number.

    Runs from an earlier time in the folder `kept` are reused, and those that no task needs any
    more are removed from it.
    """
    places = {name: _place(task, kept) for name, task in tasks.items()}
    runs = {name: run for name, place in places.items() if (run := _read(place)) is not None}
    for done, name in enumerate(runs, start=1):
        progress(name, done)
    missing = {name: task for name, task in tasks.items() if name not in runs}
    jobs = {executor.submit(engine.run, task): name for name, task in missing.items()}
    for job in as_completed(jobs):
        name = jobs[job]
        runs[name] = job.result()
        write_text(places[name], json.dumps(dataclasses.asdict(runs[name])))
        progress(name, len(runs))
    for place in set(kept.glob("*.json")) - set(places.values()):
        place.unlink()
    return runs


def kept_run(task: Task, kept: Path) -> Run | None:
    """The run of `task` that `run_all` has left in the folder `kept`, if it has."""
    return _read(_place(task, kept))


def _place(task: Task, kept: Path) -> Path:
    """The path of the kept run of `task`: its name is a digest of all that the run depends on."""
    code = code_digests.of_runs(task.library), code_digests.of_packages()
    return kept / f"{digest(repr(task), *code)}.json"


def _read(place: Path) -> Run | None:
    try:
        fields = json.loads(place.read_text(encoding="utf-8"))
        for name in ("evidence", "on_own_ground", "outcomes"):
            fields[name] = {cell: tuple(payloads) for cell, payloads in fields[name].items()}
        return Run(**fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
