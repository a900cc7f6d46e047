"""The engine, which runs one notebook and collects its evidence.

`run` takes a `Task` and returns a `Run`, both plain data, so that it can be called in another
process, or by a cluster's executor.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec

from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import compact_text
from nbjudge.kernel.observe import JUDGE_LISTENS
from nbjudge.sandbox.client import Culprit, EvidenceClient, execute
from nbjudge.sandbox.isolation import Isolation

ATTEMPTS = 4
"""The first run, and at most three more without the cells that killed or hung the kernel."""

NOT_RUN = "training"
"""The tag of given cells that grading skips because no hidden test needs them."""


@dataclass(frozen=True)
class Task:
    """Inputs of one run."""

    notebook: str  # the run notebook as JSON
    limits: Limits = field(default_factory=Limits)
    files: dict[str, bytes] = field(default_factory=dict)  # name → contents, written next to it
    packages: tuple[str, ...] = ()  # that can be imported, and their dependencies
    library: str = ""  # one of them: the course's own
    threads: int = 1  # of each numerical library
    environment: dict[str, str] = field(default_factory=dict)  # variables for the kernel


@dataclass(frozen=True)
class Run:
    """Results of one run."""

    notebook: str  # the executed notebook as JSON
    evidence: dict[str, tuple[str, ...]]  # grade cell → what arrived while it ran, as JSON texts
    stopped: dict[str, str]  # cell id → why this cell had to be left out
    # the same for grade cells that ran once more, with settings that the student had changed
    on_own_ground: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # grade cell of asserts → its outputs and the error that ended it, as they were at its end
    outcomes: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    cut: dict[str, str] = field(default_factory=dict)  # cell id → what is not kept, in a sentence


def run(task: Task, isolation: Isolation) -> Run:
    """Run `task` in a fresh kernel and an empty folder.

    A cell that kills or hangs the kernel loses only its own evidence: the run is repeated
    without it, at most three times.  A run whose evidence was lost in transit is repeated once, and
    so is the start of a kernel, which may fail on a busy machine.

    Raises CourseError if the sandbox cannot be made, or no kernel starts.
    """
    isolation.check()
    stopped: dict[str, str] = {}
    kept: dict[str, list[str]] = {}
    cut: dict[str, str] = {}
    was_incomplete = False
    for attempt in range(ATTEMPTS):
        size = sum(len(text) for texts in kept.values() for text in texts)
        client, culprit = _attempt(task, isolation, frozenset(stopped), size)
        cut |= client.kept.cut
        if culprit is None:
            if was_incomplete or client.kept.is_complete():
                break
            was_incomplete = True
            continue
        stopped[culprit.cell] = culprit.reason
        kept[culprit.cell] = client.kept.evidence.get(culprit.cell, [])
        if attempt == ATTEMPTS - 1:
            for cell in client.nb.cells[client.position + 1 :]:
                stopped[cell.id] = "was not run, because too many cells before it had stopped"
    return Run(
        notebook=compact_text(client.nb),
        evidence=_whole({**client.kept.evidence, **kept}),
        stopped=stopped,
        on_own_ground=_whole(client.kept.on_own_ground),
        outcomes={cell: tuple(found) for cell, found in client.outcomes.items()},
        cut=cut,
    )


def _whole(evidence: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """The `evidence` without what was dropped from it again."""
    return {cell: tuple(filter(None, texts)) for cell, texts in evidence.items()}


def _attempt(
    task: Task, isolation: Isolation, stopped: frozenset[str], evidence_bytes: int
) -> tuple[EvidenceClient, Culprit | None]:
    """Run `task` without the cells in `stopped`: the client, and the cell that ended the run."""
    spec = _kernel_spec(task, isolation)
    variables = {JUDGE_LISTENS: "1", **task.environment}
    for is_last in (False, True):
        notebook = nbformat.reads(task.notebook, as_version=4)
        tagged = {cell.id for cell in notebook.cells if NOT_RUN in cell.metadata.get("tags", ())}
        client = EvidenceClient(notebook, stopped | tagged, task.limits, evidence_bytes)
        try:
            return client, execute(client, spec, task.files, variables)
        except Exception:
            if is_last or client.position >= 0:
                raise
    raise AssertionError("the last attempt returns or raises")


def _kernel_spec(task: Task, isolation: Isolation) -> KernelSpec:
    settings = {
        "packages": list(task.packages),
        "library": task.library,
        "threads": task.threads,
        "limits": dataclasses.asdict(task.limits),
        "warm": isolation.warm,
    }
    provisioner = {"provisioner_name": isolation.provisioner, "config": settings}
    return KernelSpec(
        argv=[],
        display_name=isolation.provisioner,
        language="python",
        metadata={"kernel_provisioner": provisioner},
    )
