"""The kernel used in grading: IPython's, but it drops no messages and `quit()` does not end it.

A kernel publishes a cell's output on a socket that drops messages if a thousand wait to be
sent.  A student who prints in a loop would lose evidence, and with it points.

After `quit()` a kernel accepts cells for another tenth of a second and ends in the middle of one.
A student who left it in the notebook would lose the points of whichever cell that is.
"""

import builtins
import os
import sys
from collections.abc import Callable
from typing import Any

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.pylabtools import activate_matplotlib
from IPython.display import display
from traitlets import Type

from nbjudge.kernel.observe import send
from nbjudge.kernel.process.child_output import LocalIOPubThread
from nbjudge.kernel.process.ground import COURSE, CourseNamespace, Ground

LONGEST_WRITE = 4_000_000  # characters; a single longer write is cut
LONGEST_WAIT = 1_000_000  # characters that wait to be sent together


class PromptStream(OutStream):
    """stdout or stderr that sends what is printed in pieces, so that no message grows huge."""

    waiting = 0

    def write(self, string: str) -> int | None:  # type: ignore[override]
        """Write `string`, as ipykernel does, and send what waits if there is much of it."""
        if isinstance(string, str) and len(string) > LONGEST_WRITE:
            string = string[:LONGEST_WRITE] + "\n[the rest of this is cut]\n"
        written: int | None = super().write(string)
        self.waiting += len(string)
        if self.waiting > LONGEST_WAIT:
            self.flush()
            self.waiting = 0
        return written


class CourseShell(ZMQInteractiveShell):
    """A shell that `quit()` does not end, with a separate namespace for the course's cells."""

    course_names: CourseNamespace | None = None  # of the cell that runs, if the course wrote it

    def ask_exit(self) -> None:
        """Do nothing."""

    @property
    def user_global_ns(self) -> dict[str, Any]:
        """The global names of the code that runs."""
        if self.course_names is not None:
            return self.course_names
        names: dict[str, Any] = super().user_global_ns
        return names

    async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
        """Run compiled code; the course's uses its own names."""
        notebook = self.user_ns
        if self.course_names is not None:
            self.user_ns = self.course_names
        try:
            failed: bool = await super().run_code(code_obj, result, async_=async_)
            return failed
        finally:
            self.user_ns = notebook


class CourseKernel(IPythonKernel):
    """An IPython kernel that runs the course's cells on known ground.

    A request says in its metadata, under COURSE, that its cell is the course's.
    """

    shell_class = Type(CourseShell)
    ground: Ground | None = None

    async def do_execute(self, code: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Run one cell."""
        shell = self.shell
        assert isinstance(shell, CourseShell)
        if self.ground is None:
            added = {"display": display, "get_ipython": shell.get_ipython}
            self.ground = Ground(shell.user_ns, vars(builtins) | added)
        meta = (options.get("cell_meta") or {}).get(COURSE)
        if meta is None:
            reply: dict[str, Any] = await super().do_execute(code, *arguments, **options)
            return reply
        self.ground.begin(meta["is_hidden"], meta["students"], meta["is_own_ground"])
        shell.course_names = self.ground.names
        try:
            reply = await super().do_execute(code, *arguments, **options)
        finally:
            shell.course_names = None
            differs = self.ground.end()
        if differs and meta["is_hidden"] and not meta["is_own_ground"]:
            send({"ground": differs})
        return reply


class LosslessKernelApp(IPKernelApp):
    """An IPython kernel whose sockets queue without a limit."""

    kernel_class = Type(CourseKernel)

    def __init__(self, **settings: Any) -> None:
        super().__init__(outstream_class=f"{PromptStream.__module__}.PromptStream", **settings)

    def init_iopub(self, context: zmq.Context) -> None:
        if sys.platform == "linux":
            kernelapp.IOPubThread = LocalIOPubThread  # type: ignore[misc]
        super().init_iopub(context)

    def _bind_socket(self, s: zmq.Socket, port: int) -> int:
        s.setsockopt(zmq.SNDHWM, 0)
        bound: int = super()._bind_socket(s, port)
        return bound


def run(connection_file: str, bound: Callable[[], None]) -> None:
    """Run a kernel until it is asked to stop; calls `bound` once its sockets exist."""
    app = LosslessKernelApp.instance()
    app.ignore_cwd = True  # nothing next to the notebook can be imported
    app.initialize(["-f", connection_file, "--HistoryManager.enabled=False"])
    show_figures(app)
    bound()
    app.start()


def show_figures(app: IPKernelApp) -> None:
    """Show figures below their cell: Matplotlib was imported before this kernel existed."""
    if inline := sys.modules.get("matplotlib_inline.backend_inline"):
        activate_matplotlib(os.environ["MPLBACKEND"])
        inline.configure_inline_support(app.shell, os.environ["MPLBACKEND"])


if __name__ == "__main__":
    LosslessKernelApp.launch_instance()
