"""Client of kernels that collects evidence, with everything that depends on nbclient's internals.

Evidence is collected from the kernel's messages as they arrive while a grade cell runs, never
from the final outputs in the notebook, which a later cell can rewrite.

Everything overridden or used here that nbclient and jupyter_client do not document has a test in
tests/nbjudge/test_client.py, and pyproject.toml bounds their versions.
"""

import asyncio
import atexit
import copy
import functools
import logging
import shutil
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple, NoReturn, TypeVar

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import Type

from nbjudge.core import temporary
from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import METADATA_KEY, has_evidence, is_solution, is_test
from nbjudge.kernel import evidence
from nbjudge.kernel.process.ground import COURSE
from nbjudge.sandbox import outputs
from nbjudge.sandbox.channels import Channel
from nbjudge.sandbox.kept import Kept
from nbjudge.sandbox.meter import Meter
from nbjudge.sandbox.wire import Connection, TooMuch

START_SECONDS = 90
MOST_SAID = 1000  # characters of an error that is an outcome

_SILENT = logging.getLogger("nbjudge.nbclient")  # `Run.stopped` says what stopped a cell
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False

Result = TypeVar("Result")


class Culprit(NamedTuple):
    """A cell that ended the run, and why, as the end of a sentence about it."""

    cell: str
    reason: str


class EvidenceClient(NotebookClient):
    """An nbclient that keeps evidence separate from outputs and skips given cells."""

    def __init__(
        self,
        notebook: NotebookNode,
        left_out: frozenset[str],
        limits: Limits,
        evidence_bytes: int = 0,
    ):
        """evidence_bytes: those that earlier runs of the notebook have left"""
        super().__init__(
            notebook,
            timeout=None,  # the meter stops what takes too long
            allow_errors=True,
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            startup_timeout=START_SECONDS,
            iopub_timeout=30,  # how long to wait for a cell's output after its end
            log=_SILENT,
        )
        self.left_out = left_out
        self.kept = Kept(limits, evidence_bytes)
        self.outcomes: dict[str, list[dict[str, Any]]] = {}  # of grade cells of asserts
        self.raised: list[dict[str, Any]] = []  # the error that ended the last cell
        self.students = notebook.metadata.get(METADATA_KEY, {}).get("students", [])
        self.position = -1  # of the cell that is running or ran last
        self.meter: Meter | None = None

    async def async_execute_cell(
        self,
        cell: NotebookNode,
        cell_index: int,
        execution_count: int | None = None,
        store_history: bool = True,
    ) -> NotebookNode:
        if cell.cell_type != "code" or cell.id in self.left_out:
            return cell
        self.position = cell_index
        self._display_id_map.clear()  # no cell may rewrite the output of an earlier one
        self.comm_objects.clear()
        self.output_hook_stack.clear()
        assert self.km is not None
        provisioner: Any = self.km.provisioner
        self.meter = provisioner.meter
        provisioner.meter.begin_cell(cell.id)
        assert isinstance(self.kc, KernelClient)
        self.kc.course = self._course(cell)
        self.kc.spend, self.kc.note_skipped = self._spend, self.kept.note_skipped
        self.kept.begin(cell.id, is_test(cell))
        done = await super().async_execute_cell(cell, cell_index, execution_count, store_history)
        if is_test(cell) and not has_evidence(cell):  # as it is now: later cells can rewrite it
            self.outcomes[cell.id] = copy.deepcopy(cell.outputs) + self.raised
        if cell.id in self.kept.off_ground:
            await self._repeat_on_own_ground(cell, cell_index)
        if cell.id in self.kept.cut:
            done.outputs.append(new_output("stream", name="stderr", text=self.kept.cut[cell.id]))
        provisioner.meter.end_cell()
        return done

    def _course(self, cell: NotebookNode, is_own_ground: bool = False) -> dict[str, Any] | None:
        """The metadata sent with a cell of the course; None for a student's."""
        about = cell.metadata.get(METADATA_KEY, {})
        is_theirs = about.get("origin", "template") != "template"
        if is_theirs or is_solution(cell) or about.get("is_plain"):
            return None
        return {
            "is_hidden": is_test(cell),
            "students": self.students,
            "is_own_ground": is_own_ground,
        }

    async def _repeat_on_own_ground(self, cell: NotebookNode, cell_index: int) -> None:
        """Run a grade cell once more, with the settings left by the student's cells.

        A right answer may need these, or fail because of them; the better of the two runs counts.
        """
        assert isinstance(self.kc, KernelClient)
        self.kc.course = self._course(cell, is_own_ground=True)
        self.kept.begin(cell.id, is_graded=True, is_own_ground=True)
        await super().async_execute_cell(cell, cell_index)

    async def _check_raise_for_error(
        self, cell: NotebookNode, cell_index: int, exec_reply: dict[str, Any] | None
    ) -> None:
        """Remember an error that may have no output: code can switch those off."""
        content = (exec_reply or {}).get("content", {})
        said = {name: str(content.get(name, ""))[:MOST_SAID] for name in ("ename", "evalue")}
        is_error = content.get("status") == "error"
        self.raised = [{"output_type": "error", **said}] if is_error else []

    def _spend(self, size: int) -> None:
        """Count what has come.  Raises TooMuch, and does not wait for the end of this cell."""
        try:
            self.kept.spend(size)
        except TooMuch:
            if self.task_poll_for_reply is not None:
                self.task_poll_for_reply.cancel()
            raise

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        kind, data = msg["msg_type"], msg["content"].get("data")
        if kind == "display_data" and isinstance(data, dict) and evidence.MIME in data:
            self.kept.add(data[evidence.MIME])
            return None
        content = outputs.plain(kind, msg["content"])
        if content is None or kind.startswith("comm_"):  # a comm is for a front end: there is none
            return None
        plain = {**msg, "content": content}
        shown = self.kept.shown(plain) if kind in outputs.SHOWS else plain
        return None if shown is None else super().process_message(shown, cell, cell_index)


class KernelClient(AsyncKernelClient):
    """A client of a kernel that is ready: it only waits for the first answer.

    It has only the two channels that are used, and reads these within bounds.
    """

    shell_channel_class = Type(Channel)  # type: ignore[assignment]
    iopub_channel_class = Type(Channel)  # type: ignore[assignment]
    course: dict[str, Any] | None = None  # metadata for the next cell
    spend: Callable[[int], None] = staticmethod(lambda size: None)  # told what has come, in bytes
    note_skipped: Callable[[int], None] = staticmethod(lambda size: None)

    def connect_shell(self, identity: bytes | None = None) -> Any:
        """A connection for cells and their replies."""
        return self._connection("shell", "DEALER", identity or b"")

    def connect_iopub(self, identity: bytes | None = None) -> Any:
        """A connection for what cells show."""
        return self._connection("iopub", "SUB", identity or b"")

    def _connection(self, channel: str, kind: str, identity: bytes) -> Connection:
        return Connection(self._make_url(channel), kind, identity, lambda size: self.spend(size))

    def start_channels(self, *_: bool, **__: bool) -> None:
        """Connect both channels, whichever are asked for."""
        for channel in (self.iopub_channel, self.shell_channel):
            channel.on_skipped = lambda size: self.note_skipped(size)
            channel.start()

    def stop_channels(self) -> None:
        """Close both channels."""
        self.iopub_channel.stop()
        self.shell_channel.stop()

    def execute(self, code: str, *arguments: Any, **options: Any) -> str:
        """Send a cell, with metadata that says whether it is the course's."""
        metadata = {COURSE: self.course} if self.course else None
        self.session.msg = functools.partial(self.session.msg, metadata=metadata)
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
                await self.iopub_channel.get_msg(timeout=patience)  # its published messages arrive
                return
            except Empty:
                patience = min(1.0, 2 * patience)
                if not await self._async_is_alive():
                    raise RuntimeError("Kernel died before replying to kernel_info") from None
        raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    wait_for_ready = _async_wait_for_ready


class KernelManager(AsyncKernelManager):
    """Manager of kernels with one given kernelspec, whatever kernelspecs the machine has."""

    def __init__(self, spec: KernelSpec, **settings: Any) -> None:
        super().__init__(client_factory=KernelClient, **settings)
        self._kernel_spec = spec

    def _connect_control_socket(self) -> None:
        """Do not: a kernel is only ever killed, and could send anything to that socket."""


def execute(
    client: EvidenceClient, spec: KernelSpec, files: dict[str, bytes], variables: dict[str, str]
) -> Culprit | None:
    """Run the client's notebook in a new kernel; returns the cell that ended the run, or None.

    Raises CourseError, or an exception of Jupyter's, if the kernel did not start.
    """
    folder = temporary.make()
    try:
        return _complete(_execute(client, spec, folder, files, variables))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _complete(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end, in another thread if the caller's has an event loop.

    JupyterLab's server, in which the formgrader's button grades, has one, and so has a notebook.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _OTHER_THREAD.submit(asyncio.run, work).result()


_OTHER_THREAD = ThreadPoolExecutor(1)  # kept: a sandbox ends with the thread that started it


async def _execute(
    client: EvidenceClient,
    spec: KernelSpec,
    folder: Path,
    files: dict[str, bytes],
    variables: dict[str, str],
) -> Culprit | None:
    loop = asyncio.get_running_loop()
    # suppress messages about nbclient's own tasks that a stopped cell leaves behind
    loop.set_exception_handler(lambda loop, context: None)
    # nbclient would handle Ctrl-C itself and then restore Python's handler: in a worker, which
    # leaves Ctrl-C to its parent, the next notebook would end in a traceback
    loop.add_signal_handler = _not_a_signal  # type: ignore[assignment, method-assign]
    loop.remove_signal_handler = _not_a_signal  # type: ignore[assignment, method-assign]
    manager = KernelManager(spec, connection_file=str(folder / "kernel.json"))
    client.km = manager
    try:
        await client.async_execute(files=files, variables=variables)
    except CourseError:
        raise
    except Exception as error:
        if client.position < 0:
            raise
        return _culprit(client, error)
    finally:
        atexit.unregister(client._cleanup_kernel)  # nbclient forgets it if no kernel started
        await manager.shutdown_kernel(now=True)
    return None


def _not_a_signal(*_: object) -> NoReturn:
    """Refuse to handle signals, as some event loops do; nbclient then works without."""
    raise RuntimeError("Signals are left to whoever runs the engine.")


def _culprit(client: EvidenceClient, error: Exception) -> Culprit:
    """The cell that ended the run, and why."""
    cell = client.nb.cells[client.position].id
    if client.meter is not None and client.meter.reason:  # possibly just before its end
        return Culprit(client.meter.culprit, client.meter.reason)
    if client.kept.flood:
        return Culprit(cell, client.kept.flood)
    if isinstance(error, DeadKernelError):
        return Culprit(cell, "ended the Python process")
    return Culprit(cell, "broke the connection to the Python process")


if sys.platform == "win32":  # pyzmq's asyncio needs the selector loop there
    asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
