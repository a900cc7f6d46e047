"""Warm process: it has imported what notebooks need, and forks a kernel for each submission.

It runs inside the sandbox, reads one request per line from stdin, and answers each with a line on
stdout.  A kernel's processes live in namespaces of their own, so they neither see this process
nor outlive their submission:

    zygote ── guard ── first ── kernel ── whatever the submission starts
              (waits)  (pid 1 of a new process table: when it ends, all below it end)

Requests are {"start": name}, answered by {"started": pid} or {"failed": reason}, and
{"stop": true}, answered by {"stopped": true}.  If stdin ends, everything ends.

What a kernel is to start with, the student's files among it, lies in a file of that name, which
only the kernel's first process reads.  The zygote never does: whatever it has read would be in the
memory of every later kernel.
"""

import base64
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import select
import signal
import sys
import time
import warnings
from collections.abc import Iterable
from typing import Any, NoReturn

from nbjudge.kernel.process import namespaces, seccomp
from nbjudge.kernel.process.namespaces import ProcessLimits

HOME = "/home/student"
SOCKETS = "/run/kernel"
"""Folder of the kernel's sockets, the only one shared with the grader."""

START_SECONDS = 60
"""The longest that a kernel may take to start, on a very busy machine."""

PRIVATE = (HOME, "/tmp", "/dev/shm")
"""Folders in memory that are new for each submission."""

KERNEL_MODULES = (
    "IPython.core.completer",
    "IPython.core.magics",
    "IPython.core.payloadpage",
    "IPython.extensions.storemagic",
    "comm",
    "ipykernel.comm",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "nbjudge.kernel.expect",
    "nbjudge.kernel.observe",
    "nbjudge.kernel.process.kernel",
    "matplotlib_inline.config",
    "pdb",
    "zmq.eventloop.zmqstream",
)

PACKAGE_MODULES = {
    "matplotlib": (
        "matplotlib.pyplot",
        "matplotlib.font_manager",
        "matplotlib.backends.backend_agg",
    ),
    "numpy": ("numpy", "numpy.linalg", "numpy.random", "numpy.testing"),
    "torch": (
        "torch",
        "torch.nn",
        "torch.nn.functional",
        "torch.optim",
        "torch.utils.data",
        "torch._dynamo",  # loaded by an optimizer's first step: a second of each kernel's
    ),
}
"""Modules to import for a package that a problem set may use, besides the package itself."""


def main(packages: Iterable[str], library: str, needs: Iterable[str]) -> None:
    """Import what the kernel and `packages` need, then serve requests until stdin ends.

    Every module of the `library`, which is one of them, is imported, and what it `needs`.
    """
    namespaces.prctl(namespaces.PR_SET_DUMPABLE, 0)
    warm_up(packages, library, needs)
    answer({"warm": True})
    running: tuple[int, int] | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if running is not None:  # one at a time
            stop(*running)
            running = None
        if "start" in request:
            guard, first, reason = start(request["start"])
            running = (guard, first) if first else None
            answer({"failed": reason} if reason else {"started": first})
        else:
            answer({"stopped": True})
    if running is not None:
        stop(*running)


def answer(message: dict[str, Any]) -> None:
    """Write one line to the grader."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def warm_up(packages: Iterable[str], library: str, needs: Iterable[str]) -> None:
    """Import everything that each kernel would otherwise import again."""
    names = list(KERNEL_MODULES)
    for package in packages:
        names += PACKAGE_MODULES.get(package, (package,))
    names += [*modules_of(library), *needs] if library else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    if "matplotlib.pyplot" in sys.modules:
        _draw_a_figure()
    gc.collect()
    gc.freeze()  # keep the memory that is shared with the kernels unchanged


def _draw_a_figure() -> None:
    """Draw what figures have, so that fonts are found and read before the first kernel starts."""
    pyplot = sys.modules["matplotlib.pyplot"]
    figure, axes = pyplot.subplots(layout="constrained")
    axes.plot([1, 2], label="0.5 −1 $x_1$")
    axes.set(title="a", xlabel="a", ylabel="a")
    axes.legend()
    figure.colorbar(axes.imshow([[0.0, 1.0]]), label="a")
    figure.savefig(io.BytesIO(), format="png")
    pyplot.close(figure)


def modules_of(library: str) -> list[str]:
    """The modules of a package, by their names for an import."""
    found = pkgutil.iter_modules(importlib.import_module(library).__path__)
    return [f"{library}.{module.name}" for module in found if module.name != "__main__"]


def start(name: str) -> tuple[int, int, str]:
    """Fork a kernel as the file `name` describes: its guard's pid, its first process's, and "".

    If it could not be started, the last one is the reason, and nothing runs.
    """
    heard, told = os.pipe()
    guard = os.fork()
    if guard == 0:
        os.close(heard)
        _never_returning(_guard, name, told)
    os.close(told)
    told_so_far = _listen(heard)
    first = told_so_far.get("first", 0)
    reason = told_so_far.get("reason", "it did not get ready")
    if reason:
        stop(guard, first)
        return guard, 0, reason
    return guard, first, ""


def _listen(heard: int) -> dict[str, Any]:
    """The reports of a starting kernel, until they are complete, time runs out, or stdin ends."""
    told: dict[str, Any] = {}
    received = b""
    deadline = time.monotonic() + START_SECONDS
    with os.fdopen(heard, "rb", buffering=0) as pipe:
        while "reason" not in told and (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([pipe, sys.stdin], [], [], left)
            if sys.stdin in ready or not ready:  # no request comes before this one's answer
                break
            received += (piece := pipe.read(65_536) or b"")
            for line in received.split(b"\n")[:-1]:
                told |= json.loads(line)
            if not piece:
                break
    return told


def stop(guard: int, first: int) -> None:
    """End a kernel and everything that it has started, and wait until all have ended."""
    for pid in (first, guard):
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if pid == first:  # its guard ends by itself, after the last process below it
                break
    with contextlib.suppress(ChildProcessError):
        os.waitpid(guard, 0)


def _never_returning(function: Any, request: Any, told: int) -> NoReturn:
    """Call `function` in a forked process, which then ends, whatever happens."""
    try:
        function(request, told)
    except BaseException as error:
        with contextlib.suppress(OSError):
            _tell(told, reason=f"{type(error).__name__}: {error}")
    finally:
        os._exit(1)


def _tell(pipe: int, **message: Any) -> None:
    os.write(pipe, (json.dumps(message) + "\n").encode())


def _guard(name: str, told: int) -> None:
    """Make the namespaces, start their first process, and wait for its end."""
    parent = os.getppid()
    namespaces.unshare()
    namespaces.end_with_parent()
    if os.getppid() != parent:  # it has ended in the meantime
        return
    first = os.fork()
    if first == 0:
        _never_returning(_first, name, told)
    _tell(told, first=first)
    os.close(told)
    _close_all_but()
    os.waitpid(first, 0)
    os._exit(0)


def _first(name: str, told: int) -> None:
    """The first process of a new process table: sets it up, starts the kernel, and reaps."""
    request = _handed_over(name)
    limits = ProcessLimits(**request["limits"])
    namespaces.private_mounts(PRIVATE, limits.file_bytes)
    _furnish(request)
    heard, bound = os.pipe()
    kernel = os.fork()
    if kernel == 0:
        os.close(heard)
        _never_returning(_kernel, request, bound)
    os.close(bound)
    with os.fdopen(heard) as lines:
        reason = json.loads(lines.readline() or '{"reason": "its kernel ended at once"}')["reason"]
    namespaces.make_read_only(SOCKETS)
    namespaces.drop_capabilities()
    namespaces.end_with_parent()
    namespaces.prctl(namespaces.PR_SET_DUMPABLE, 0)
    _tell(told, reason=reason)
    _close_all_but()
    while reason == "":
        pid, status = os.wait()
        if pid == kernel:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _handed_over(name: str) -> dict[str, Any]:
    """What the grader has left for this kernel in the file `name`, which is then gone."""
    path = f"{SOCKETS}/{name}"
    with open(path, "rb") as file:
        os.unlink(path)
        request: dict[str, Any] = json.load(file)
    return request


def _furnish(request: dict[str, Any]) -> None:
    """Write the submission's files into its private folder, and change to it."""
    work = f"{HOME}/work"
    os.mkdir(work)
    os.chdir(work)
    for name, data in request["files"].items():
        os.makedirs(os.path.dirname(f"{work}/{name}"), exist_ok=True)
        with open(f"{work}/{name}", "wb") as file:
            file.write(base64.b64decode(data))
    with open(f"{HOME}/kernel.json", "w") as file:
        json.dump(request["connection"], file)
    os.environ.update(request["environment"])


def _kernel(request: dict[str, Any], bound: int) -> None:
    """Drop all privileges, then run the kernel."""
    from nbjudge.kernel.process import kernel

    os.setsid()
    namespaces.drop_capabilities()
    seccomp.restrict()
    namespaces.limit(ProcessLimits(**request["limits"]))
    _close_all_but(bound)
    _reseed()
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def tell() -> None:
        _tell(bound, reason="")
        os.close(bound)

    kernel.run(f"{HOME}/kernel.json", tell)


def _close_all_but(*kept: int) -> None:
    """Close every file of the zygote's but `kept`; stdin, stdout and stderr lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    lowest = 3
    for one in sorted(kept):
        os.closerange(lowest, one)
        lowest = one + 1
    os.closerange(lowest, 65_536)


def _reseed() -> None:
    """Reseed the random number generators, since all forks would draw the same numbers."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
