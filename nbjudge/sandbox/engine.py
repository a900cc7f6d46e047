"""Running one notebook and collecting its evidence: bytes in, bytes out.

`run` is the seam of the grading engine.  It takes a `Task` and gives a `Run`, both plain data, so
that it can be called in another process, or by a cluster's executor.  The kernel runs in the
sandbox, forked from a warm process; the environment variables NBJUDGE_SANDBOX and NBJUDGE_WARM, which
the command line sets, choose otherwise.

Evidence is collected from the kernel's messages as they arrive while a grade cell runs, never
from the outputs that the notebook ends up with: a later cell can rewrite those.
"""

import asyncio
import atexit
import functools
import json
import logging
import os
import shutil
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, NoReturn

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from nbjudge.core import temporary
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import METADATA_KEY, compact_text, is_solution, is_test
from nbjudge.kernel.evidence import MIME
from nbjudge.kernel.observe import JUDGE_LISTENS
from nbjudge.kernel.process.ground import COURSE
from nbjudge.sandbox import bubblewrap
from nbjudge.sandbox.meter import Meter

SANDBOX = "NBJUDGE_SANDBOX"
"""Environment variable: `auto` (the sandbox, or refuse), `bwrap` (the same) or `none`.

`user`, as another user in place of the sandbox, is what an autograder in a container may set.
"""

PROVISIONERS = {"none": "nbjudge-unsandboxed", "user": "nbjudge-other-user"}
"""By how notebooks are to run; else it is in the sandbox."""

WARM = "NBJUDGE_WARM"
"""Environment variable: `on`, or `off` for a new process for each kernel."""

ATTEMPTS = 4
"""The first run, and at most three more without the cells that killed or hung the kernel."""

NOT_RUN = "training"
"""The tag of given cells that grading leaves out: no hidden test needs what they do."""

MAX_EVIDENCE_MESSAGES = 2_000  # a cell
MAX_OUTPUT_CHARACTERS = 1_000_000  # a cell; what comes after is dropped
MAX_OUTPUT_BYTES = 50_000_000  # a cell; one that sends more is stopped
MAX_MESSAGE_BYTES = 32_000_000  # a larger one cuts the connection
WAITING_MESSAGES = 16  # in the grader; beyond these the kernel keeps them, in its own memory
START_SECONDS = 90

_SHOWS = ("stream", "display_data", "update_display_data", "execute_result", "error")

_SILENT = logging.getLogger("nbjudge.nbclient")  # what stops a cell is told in `Run.stopped`
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


@dataclass(frozen=True)
class Task:
    """What one run needs."""

    notebook: str  # the run notebook as JSON
    cell_seconds: float  # the longest a single cell may take
    files: dict[str, bytes] = field(default_factory=dict)  # name → contents, put beside it
    packages: tuple[str, ...] = ()  # what can be imported, and what that needs
    library: str = ""  # one of them: the course's own
    threads: int = 1  # of each numerical library
    environment: dict[str, str] = field(default_factory=dict)  # variables for the kernel


@dataclass(frozen=True)
class Run:
    """What one run showed."""

    notebook: str  # the executed notebook as JSON
    evidence: dict[str, tuple[dict[str, Any], ...]]  # cell id → what arrived while it ran
    stopped: dict[str, str]  # cell id → why this cell had to be left out
    # the same of grade cells that ran once more, with settings that the student had changed
    on_own_ground: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)


def uses_sandbox() -> bool:
    """Whether notebooks are to run in the sandbox."""
    return os.environ.get(SANDBOX, "auto") not in PROVISIONERS


def check_sandbox() -> None:
    """Raise CourseError where notebooks are to run in the sandbox and this machine has none."""
    if uses_sandbox() and (reason := bubblewrap.why_not()):
        raise CourseError(
            f"Submissions are only run in a sandbox, and {reason}; `--sandbox none` runs them "
            "without one, with your own rights: do that only where you trust all who wrote them."
        )


def run(task: Task) -> Run:
    """Run `task` in a fresh kernel and an empty folder.

    A cell that kills or hangs the kernel costs only its own evidence: the run is repeated
    without it, at most three times.  A run on whose way evidence was lost is repeated once, and so
    is the start of a kernel, since on a busy machine one may fail.

    Raises CourseError where the sandbox cannot be made, or no kernel starts.
    """
    check_sandbox()
    stopped: dict[str, str] = {}
    kept: dict[str, list[dict[str, Any]]] = {}
    was_incomplete = False
    for attempt in range(ATTEMPTS):
        client, culprit = _attempt(task, frozenset(stopped))
        if culprit is None:
            if was_incomplete or client.is_complete():
                break
            was_incomplete = True
            continue
        cell_id, reason = culprit
        stopped[cell_id] = reason
        kept[cell_id] = client.evidence.get(cell_id, [])
        if attempt == ATTEMPTS - 1:
            for cell in client.nb.cells[client.position + 1 :]:
                stopped[cell.id] = "was not run, because too many cells before it had stopped"
    evidence = {**client.evidence, **kept}
    return Run(
        notebook=compact_text(client.nb),
        evidence={cell_id: tuple(payloads) for cell_id, payloads in evidence.items()},
        stopped=stopped,
        on_own_ground={cell: tuple(found) for cell, found in client.on_own_ground.items()},
    )


class _EvidenceClient(NotebookClient):
    """An nbclient that keeps evidence apart from outputs and leaves out what it is told to."""

    def __init__(self, notebook: NotebookNode, left_out: frozenset[str]):
        super().__init__(
            notebook,
            timeout=None,  # the meter stops what takes too long
            allow_errors=True,
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            startup_timeout=START_SECONDS,
            iopub_timeout=30,  # how long to wait for what a cell printed, once it has ended
            log=_SILENT,
        )
        self.left_out = left_out
        self.evidence: dict[str, list[dict[str, Any]]] = {}
        self.on_own_ground: dict[str, list[dict[str, Any]]] = {}
        self.students = notebook.metadata.get(METADATA_KEY, {}).get("students", [])
        self.printed: dict[str, int] = {}
        self.position = -1
        self.meter: Meter | None = None
        self.flood = ""  # why a cell that prints without end was stopped

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
        self.comm_objects.clear()
        self.output_hook_stack.clear()
        assert self.km is not None
        provisioner: Any = self.km.provisioner
        self.meter = provisioner.meter
        provisioner.meter.begin_cell(cell.id)
        assert isinstance(self.kc, _KernelClient)
        self.kc.course = self._course(cell)
        done = await super().async_execute_cell(cell, cell_index, execution_count, store_history)
        if any("ground" in payload for payload in self.evidence.get(cell.id, ())):
            await self._repeat_on_own_ground(cell, cell_index)
        provisioner.meter.end_cell()
        return done

    def _course(self, cell: NotebookNode, is_own_ground: bool = False) -> dict[str, Any] | None:
        """What the kernel is told of a cell of the course's; None of one of the student's."""
        is_theirs = cell.metadata.get(METADATA_KEY, {}).get("origin", "template") != "template"
        if is_theirs or is_solution(cell):
            return None
        return {
            "is_hidden": is_test(cell),
            "students": self.students,
            "is_own_ground": is_own_ground,
        }

    async def _repeat_on_own_ground(self, cell: NotebookNode, cell_index: int) -> None:
        """Run a grade cell once more, with the settings that the student's cells have left.

        A right answer may need these, or fail because of them: the better of the two counts.
        """
        assert isinstance(self.kc, _KernelClient)
        first = self.evidence.pop(cell.id)
        self.kc.course = self._course(cell, is_own_ground=True)
        try:
            await super().async_execute_cell(cell, cell_index)
        finally:
            self.on_own_ground[cell.id] = self.evidence.pop(cell.id, [])
            self.evidence[cell.id] = first

    def is_complete(self) -> bool:
        """Whether all evidence that was sent has arrived, by the numbers it was given."""
        both = (*self.evidence.values(), *self.on_own_ground.values())
        arrived = [payload for payloads in both for payload in payloads]
        numbers = [payload.get("number") for payload in arrived if isinstance(payload, dict)]
        known = sorted(number for number in numbers if isinstance(number, int))
        return known == list(range(len(arrived)))

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        content = msg["content"]
        size = len(json.dumps(content, default=str)) + sum(map(len, msg["buffers"]))
        self.printed[cell.id] = self.printed.get(cell.id, 0) + size
        if self.printed[cell.id] > MAX_OUTPUT_BYTES:
            self.flood = f"printed more than {MAX_OUTPUT_BYTES // 10**6} MB and was stopped"
            assert self.task_poll_for_reply is not None
            self.task_poll_for_reply.cancel()  # nobody waits for the end of this cell
            return None
        data = content.get("data")
        if msg["msg_type"] == "display_data" and isinstance(data, dict) and MIME in data:
            payloads = self.evidence.setdefault(cell.id, [])
            if len(payloads) < MAX_EVIDENCE_MESSAGES:
                payloads.append(data[MIME])
            return None
        if msg["msg_type"].startswith("comm_"):  # a front end's, and there is none
            return None
        if msg["msg_type"] in _SHOWS and self.printed[cell.id] > MAX_OUTPUT_CHARACTERS:
            return None
        return super().process_message(msg, cell, cell_index)


class _KernelClient(AsyncKernelClient):
    """A client of a kernel that is ready: there is nothing to wait for but the first answer."""

    course: dict[str, Any] | None = None  # what the kernel is told of the next cell

    def execute(self, code: str, *arguments: Any, **options: Any) -> str:
        """Send a cell, with metadata that says whether it is the course's."""
        message = self.session.msg
        metadata = {COURSE: self.course} if self.course else None
        self.session.msg = functools.partial(message, metadata=metadata)  # type: ignore[method-assign]
        try:
            return super().execute(code, *arguments, **options)
        finally:
            del self.session.msg

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (timeout or START_SECONDS)
        patience = 0.01
        while loop.time() < deadline:
            self.kernel_info()
            try:
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=patience)  # what it publishes arrives
                return
            except Empty:
                patience = min(1.0, 2 * patience)
                if not await self._async_is_alive():
                    raise RuntimeError("Kernel died before replying to kernel_info") from None
        raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    wait_for_ready = _async_wait_for_ready


class _KernelManager(AsyncKernelManager):
    """Starts kernels that the task's kernelspec describes, whatever kernelspecs the machine has."""

    def __init__(self, spec: KernelSpec, **settings: Any) -> None:
        super().__init__(client_factory=_KernelClient, **settings)
        self._kernel_spec = spec


def _kernel_spec(task: Task) -> KernelSpec:
    settings = {
        "packages": list(task.packages),
        "library": task.library,
        "threads": task.threads,
        "cell_seconds": task.cell_seconds,
        "notebook_seconds": 10 * task.cell_seconds,
        "warm": os.environ.get(WARM, "on") != "off",
    }
    name = PROVISIONERS.get(os.environ.get(SANDBOX, "auto"), "nbjudge-sandbox")
    provisioner = {"provisioner_name": name, "config": settings}
    return KernelSpec(
        argv=[], display_name=name, language="python", metadata={"kernel_provisioner": provisioner}
    )


def _attempt(
    task: Task, left_out: frozenset[str]
) -> tuple[_EvidenceClient, tuple[str, str] | None]:
    """Run `task` without some cells: the client, and what `_execute` says of it."""
    for is_last in (False, True):
        client = _EvidenceClient(nbformat.reads(task.notebook, as_version=4), left_out)
        try:
            return client, _execute(client, task)
        except Exception:
            if is_last or client.position >= 0:
                raise
    raise AssertionError("the last attempt returns or raises")


def _execute(client: _EvidenceClient, task: Task) -> tuple[str, str] | None:
    """Run the client's notebook; the id of the cell that stopped it, and why, or None."""
    folder = temporary.make()
    try:
        _complete(_execute_in_kernel(client, task, folder))
    except _Culprit as culprit:
        return culprit.cell, culprit.reason
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


def _complete(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, in a thread beside the caller's where that has an event loop.

    JupyterLab's server has one, in which the formgrader's button grades; so has a notebook.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:
        _BESIDE.submit(asyncio.run, work).result()


_BESIDE = ThreadPoolExecutor(1)  # which stays: a sandbox ends with the thread that started it


class _Culprit(Exception):
    """A cell that ended the run, and why, as the end of a sentence about it."""

    def __init__(self, cell: str, reason: str) -> None:
        super().__init__(cell, reason)
        self.cell = cell
        self.reason = reason


async def _execute_in_kernel(client: _EvidenceClient, task: Task, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    # a sentence for each of nbclient's own tasks that a stopped cell leaves behind helps nobody
    loop.set_exception_handler(lambda loop, context: None)
    # nbclient would take Ctrl-C for itself, and in the end leave it to Python's own handler: in a
    # worker, which leaves it to its parent, the next notebook would end in a traceback
    loop.add_signal_handler = _not_a_signal  # type: ignore[assignment, method-assign]
    loop.remove_signal_handler = _not_a_signal  # type: ignore[assignment, method-assign]
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, WAITING_MESSAGES)
    context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    manager = _KernelManager(
        _kernel_spec(task), context=context, connection_file=str(folder / "kernel.json")
    )
    client.km = manager
    variables = {JUDGE_LISTENS: "1", **task.environment}
    try:
        await client.async_execute(files=task.files, variables=variables)
    except CourseError:
        raise
    except Exception as error:
        if client.position < 0:
            raise
        raise _culprit(client, error) from error
    finally:
        atexit.unregister(client._cleanup_kernel)  # nbclient forgets it where no kernel started
        await manager.shutdown_kernel(now=True)
        context.destroy(linger=0)


def _not_a_signal(*_: object) -> NoReturn:
    """In place of what handles signals, as on a loop that cannot: nbclient goes on without."""
    raise RuntimeError("Signals are left to whoever runs the engine.")


def _culprit(client: _EvidenceClient, error: Exception) -> _Culprit:
    """Which cell ended the run, and why."""
    cell = client.nb.cells[client.position].id
    if client.meter is not None and client.meter.reason:  # it may have been just before its end
        return _Culprit(client.meter.culprit, client.meter.reason)
    if client.flood:
        return _Culprit(cell, client.flood)
    if isinstance(error, DeadKernelError):
        return _Culprit(cell, "ended the Python process")
    return _Culprit(cell, "broke the connection to the Python process")


if sys.platform == "win32":  # pyzmq's asyncio needs the selector loop there
    asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
