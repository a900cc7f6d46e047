"""Processor seconds of a command and of all processes that it starts, whatever becomes of them.

What a parent is told of its children leaves out those that were killed with their process table,
as every kernel is in the sandbox.  A control group leaves out nobody.  Where none can be made, the
processes are looked at twenty times a second: what one used after the last look at it is lost,
unless somebody has waited for it.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from nbjudge.sandbox.usage import Times, Usage, times_of

PERIOD = 0.05  # seconds between two looks
ADOPT_ORPHANS = 36  # of prctl(2)

GROUPS = (
    ("", "cpu.stat", "usage_usec ", 1e-6),  # version 2
    ("cpuacct", "cpuacct.usage", "", 1e-9),
)
"""Of each version: the controller in /proc/self/cgroup, the file, the line in it, and its unit."""

ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpuacct")


class Group:
    """A control group of its own for a command.  Raises OSError if none can be made."""

    def __init__(self) -> None:
        self._place, self._file, self._line, self._unit = _make_group()

    def join(self) -> None:
        """Put the calling process into the group; called in the command's before it begins."""
        (self._place / "cgroup.procs").write_text("0")

    def begin(self, process: subprocess.Popen[Any]) -> None:
        """Nothing: the group counts by itself."""

    def seconds(self) -> float:
        """What was used so far."""
        lines = (self._place / self._file).read_text().splitlines()
        found = next(line for line in lines if line.startswith(self._line))
        return float(found.removeprefix(self._line)) * self._unit

    def end(self) -> None:
        """Remove the group; processes that outlive the command stay where the benchmark is."""
        for number in (self._place / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (self._place.parent / "cgroup.procs").write_text(number)
        with contextlib.suppress(OSError):
            self._place.rmdir()


def _make_group() -> tuple[Path, str, str, float]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        for controller, file, prefix, unit in GROUPS:
            if controller not in controllers.split(",") or (not controller and controllers):
                continue
            for root in ROOTS:
                place = Path(f"{root}{own}") / f"benchmark-{os.getpid()}-{os.urandom(4).hex()}"
                with contextlib.suppress(OSError):
                    place.mkdir()
                    if (place / file).exists():
                        return place, file, prefix, unit
                    place.rmdir()
    raise OSError("This machine lets nobody make a control group here.")


class Samples:
    """Looks at the processes of a command, and at their orphans, which this process adopts."""

    def __init__(self) -> None:
        self._own = psutil.Process()
        self._others = set(self._own.children(recursive=True))
        self._usage = Usage()
        self._seconds = 0.0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
        self._usage.since_last(self._times())

    def join(self) -> None:
        """Nothing: processes are found by their parents."""

    def begin(self, process: subprocess.Popen[Any]) -> None:
        """Start to look."""
        self._thread.start()

    def seconds(self) -> float:
        """What was used so far, as far as it was seen."""
        with self._lock:
            self._seconds += self._usage.since_last(self._times())
            return self._seconds

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(PERIOD):
            self.seconds()

    def _times(self) -> dict[int, Times]:
        found = {self._own.pid: Times(0.0, times_of(self._own).reaped)}
        for process in self._own.children(recursive=True):
            if process not in self._others:
                with contextlib.suppress(psutil.Error):
                    found[process.pid] = times_of(process)
        return found


def counter() -> Group | Samples:
    """A control group where one can be made, and looks at the processes elsewhere."""
    try:
        return Group()
    except OSError:
        return Samples()


@contextlib.contextmanager
def started(
    command: tuple[str, ...], count: Group | Samples, **settings: Any
) -> Iterator[subprocess.Popen[Any]]:
    """A process that runs `command`, whose processor time `count` counts until its end."""
    process = subprocess.Popen(command, preexec_fn=count.join, **settings)
    count.begin(process)
    try:
        yield process
        process.wait()
    finally:
        count.end()
