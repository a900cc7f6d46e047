"""Running one notebook and collecting its evidence: bytes in, bytes out.

`run` is the seam of the grading engine.  It takes a `Task` and gives a `Run`, both plain data, so
that a sandbox, a warm kernel or a cluster's executor can take the place of the plain kernel that
is started here for each task.

Evidence is collected from the kernel's messages as they arrive while a grade cell runs, never
from the outputs that the notebook ends up with: a later cell can rewrite those.
"""

import asyncio
import functools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from lmlib.grading.evidence import MIME
from lmlib.grading.notebooks import notebook_text
from lmlib.grading.observe import JUDGE_LISTENS

ATTEMPTS = 4
"""The first run, and at most three more without the cells that killed or hung the kernel."""

NOT_RUN = "training"
"""The tag of given cells that grading leaves out: no hidden test needs what they do."""

MAX_EVIDENCE_MESSAGES = 2_000  # a cell
MAX_OUTPUT_CHARACTERS = 1_000_000  # a cell; what comes after is dropped

_SHOWS = ("stream", "display_data", "update_display_data", "execute_result", "error")

_SILENT = logging.getLogger("lmlib.nbclient")  # what stops a cell is told in `Run.stopped`
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


@dataclass(frozen=True)
class Task:
    """What one run needs."""

    notebook: str  # the run notebook as JSON
    cell_seconds: float  # the longest a single cell may take
    files: dict[str, bytes] = field(default_factory=dict)  # name → contents, put beside it
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What one run showed."""

    notebook: str  # the executed notebook as JSON
    evidence: dict[str, tuple[dict[str, Any], ...]]  # cell id → what arrived while it ran
    stopped: dict[str, str]  # cell id → why this cell had to be left out


def run(task: Task) -> Run:
    """Run `task` in a fresh kernel and an empty folder.

    A cell that kills or hangs the kernel costs only its own evidence: the run is repeated
    without it, at most three times.  A run on whose way evidence was lost is repeated as it was.
    """
    stopped: dict[str, str] = {}
    kept: dict[str, list[dict[str, Any]]] = {}
    for attempt in range(ATTEMPTS):
        notebook = nbformat.reads(task.notebook, as_version=4)
        client = _EvidenceClient(notebook, frozenset(stopped), task.cell_seconds)
        culprit = _execute(client, task)
        if culprit is None and client.is_complete():
            break
        if culprit is None:
            continue
        cell_id, reason = culprit
        stopped[cell_id] = reason
        kept[cell_id] = client.evidence.get(cell_id, [])
        if attempt == ATTEMPTS - 1:
            for cell in notebook.cells[client.position + 1 :]:
                stopped[cell.id] = "was not run, because too many cells before it had stopped"
    evidence = {**client.evidence, **kept}
    return Run(
        notebook=notebook_text(notebook),
        evidence={cell_id: tuple(payloads) for cell_id, payloads in evidence.items()},
        stopped=stopped,
    )


class _EvidenceClient(NotebookClient):
    """An nbclient that keeps evidence apart from outputs and leaves out what it is told to."""

    def __init__(self, notebook: NotebookNode, left_out: frozenset[str], cell_seconds: float):
        super().__init__(
            notebook,
            timeout=cell_seconds,
            allow_errors=True,
            record_timing=False,
            iopub_timeout=30,  # how long to wait for what a cell printed, once it has ended
            log=_SILENT,
        )
        self.left_out = left_out
        self.evidence: dict[str, list[dict[str, Any]]] = {}
        self.printed: dict[str, int] = {}
        self.position = -1

    async def async_execute_cell(
        self,
        cell: NotebookNode,
        cell_index: int,
        execution_count: int | None = None,
        store_history: bool = True,
    ) -> NotebookNode:
        left_out = cell.id in self.left_out or NOT_RUN in cell.metadata.get("tags", ())
        if cell.cell_type != "code" or left_out:
            return cell
        self.position = cell_index
        self._display_id_map.clear()  # no cell may rewrite what an earlier one has shown
        return await super().async_execute_cell(cell, cell_index, execution_count, store_history)

    def is_complete(self) -> bool:
        """Whether all evidence that was sent has arrived, by the numbers it was given."""
        arrived = [payload for payloads in self.evidence.values() for payload in payloads]
        numbers = [payload.get("number") for payload in arrived if isinstance(payload, dict)]
        return numbers == list(range(len(arrived)))

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        content = msg["content"]
        data = content.get("data")
        if msg["msg_type"] == "display_data" and isinstance(data, dict) and MIME in data:
            payloads = self.evidence.setdefault(cell.id, [])
            if len(payloads) < MAX_EVIDENCE_MESSAGES:
                payloads.append(data[MIME])
            return None
        if msg["msg_type"] in _SHOWS:
            size = len(json.dumps(content, default=str))
            self.printed[cell.id] = self.printed.get(cell.id, 0) + size
            if self.printed[cell.id] > MAX_OUTPUT_CHARACTERS:
                return None
        return super().process_message(msg, cell, cell_index)


class _KernelManager(AsyncKernelManager):
    """Starts `lmlib.grading.kernel`, whatever kernelspecs the machine has."""

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        # -P: no file in the working folder can shadow what the kernel imports to start
        command = [sys.executable, "-P", "-m", "lmlib.grading.kernel", "-f", self.connection_file]
        return command + (extra_arguments or [])


def _execute(client: _EvidenceClient, task: Task) -> tuple[str, str] | None:
    """Run the client's notebook; the id of the cell that stopped it, and why, or None."""
    scratch = Path(tempfile.mkdtemp(prefix="lmlib-"))
    try:
        work = scratch / "work"
        work.mkdir()
        for name, content in task.files.items():
            (work / name).write_bytes(content)
        _copy_font_list(scratch)
        asyncio.run(_execute_in_kernel(client, task, scratch, work))
    except CellTimeoutError:
        reason = f"took longer than {task.cell_seconds:g} seconds and was stopped"
        return client.nb.cells[client.position].id, reason
    except DeadKernelError:
        return client.nb.cells[client.position].id, "ended the Python process"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return None


async def _execute_in_kernel(
    client: _EvidenceClient, task: Task, scratch: Path, work: Path
) -> None:
    # a sentence for each of nbclient's own tasks that a stopped cell leaves behind helps nobody
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, 0)  # never drop a message, however much a cell prints
    manager = _KernelManager(
        context=context,
        transport="ipc" if os.name == "posix" else "tcp",
        connection_file=str(scratch / "kernel.json"),
    )
    client.km = manager
    client.resources = {"metadata": {"path": str(work)}}
    environment = _environment(scratch) | task.environment
    try:
        await client.async_execute(
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    finally:
        await manager.shutdown_kernel(now=True)
        context.destroy(linger=0)


def _environment(home: Path) -> dict[str, str]:
    """The few variables that a student's kernel sees."""
    known = ("PATH", "LANG", "SYSTEMROOT")
    passed = {name: os.environ[name] for name in known if name in os.environ}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    return {
        **passed,
        **threads,
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "PYTHONHASHSEED": "random",
        "LMLIB_PROFILE": "smoke",
        JUDGE_LISTENS: "1",
    }


def _copy_font_list(scratch: Path) -> None:
    """Give Matplotlib in the kernel the font list it would otherwise spend seconds to make."""
    (scratch / "matplotlib").mkdir()
    for path in _font_lists():
        shutil.copy(path, scratch / "matplotlib")


@functools.cache
def _font_lists() -> tuple[Path, ...]:
    try:
        import matplotlib
        import matplotlib.font_manager  # importing it makes the list
    except ImportError:
        return ()
    return tuple(Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))


if sys.platform == "win32":  # pyzmq's asyncio needs the selector loop there
    asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
