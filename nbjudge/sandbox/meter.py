"""The meter, which watches the resource use of one submission's processes from outside.

Time is counted so that a busy machine changes no score: as processor seconds while a process
computes, and by the clock while all of them wait.
"""

import contextlib
import threading
import time
from collections import Counter

import psutil

from nbjudge.core.limits import Limits

PERIOD = 0.1
"""Seconds between two measurements."""

WALL_FACTOR, WALL_EXTRA = 10, 60
"""Hard limit on the clock for each cell: this many times its seconds, plus these."""

WAITING = frozenset({psutil.STATUS_SLEEPING, psutil.STATUS_IDLE, psutil.STATUS_STOPPED})


class Meter:
    """Watcher of the descendants of one process, which it kills if a limit is exceeded.

    `reason` then says which limit, as the end of a sentence about the cell, `culprit`.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        self.root = psutil.Process(pid)
        self.limits = limits
        self.reason = ""
        self.culprit = ""
        self.notebook_seconds = 0.0
        self.cell_seconds = 0.0
        self._cell = ""  # the running one
        self._cell_began = self._looked = time.monotonic()
        self._seen: dict[int, float] = {}
        self._left: dict[psutil.Process, str] = {}  # by which cell; "" if by none
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def begin_cell(self, name: str) -> None:
        """Start counting the time of a cell."""
        with self._lock:
            if not self._left:  # the kernel itself
                self._note_what_is_left("")
            self._cell, self.cell_seconds = name, 0.0
            self._cell_began = self._looked = time.monotonic()

    def end_cell(self) -> None:
        """End the cell: usage until the next one begins is not counted for it."""
        with self._lock:
            self._note_what_is_left(self._cell)
            self._cell = ""

    def stop(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    def _note_what_is_left(self, cell: str) -> None:
        """Remember the new processes as left behind by `cell`."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in self.root.children(recursive=True):
                self._left.setdefault(process, cell)

    def _watch(self) -> None:
        while not self._ended.wait(PERIOD):
            try:
                processes = [self.root, *self.root.children(recursive=True)]
                with self._lock:
                    self._look(processes)
            except psutil.NoSuchProcess:
                if not self.root.is_running():
                    return
            if self.reason:
                return

    def _look(self, processes: list[psutil.Process]) -> None:
        """Count the usage since the last measurement, and act if it is too much."""
        now = time.monotonic()
        used, is_waiting, memory = 0.0, True, 0
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                with process.oneshot():
                    times = process.cpu_times()
                    total = times.user + times.system
                    is_waiting = is_waiting and process.status() in WAITING
                    memory += process.memory_info().rss
                used += max(0.0, total - self._seen.get(process.pid, 0.0))
                self._seen[process.pid] = total
        spent = used if used or not is_waiting else now - self._looked
        self._looked = now
        if not self._cell:
            return
        self.cell_seconds += spent
        self.notebook_seconds += spent
        if reason := self._crossed(processes, memory, now - self._cell_began):
            self.reason, self.culprit = reason, self._whose(processes)
            with contextlib.suppress(psutil.NoSuchProcess):
                self.root.kill()  # pid 1 of its process table: all others end with it

    def _whose(self, processes: list[psutil.Process]) -> str:
        """The cell that started most of `processes`: it may have ended before they are counted."""
        cells = Counter(self._origin(process) for process in processes)
        return cells.most_common(1)[0][0]

    def _origin(self, process: psutil.Process | None) -> str:
        """The cell that left `process` or its nearest known ancestor; or else the running one."""
        with contextlib.suppress(psutil.NoSuchProcess):
            while process is not None and process != self.root:
                if process in self._left:
                    return self._left[process] or self._cell
                process = process.parent()
        return self._cell

    def _crossed(self, processes: list[psutil.Process], memory: int, wall: float) -> str:
        limits = self.limits
        if (
            self.cell_seconds > limits.cell_seconds
            or wall > WALL_FACTOR * limits.cell_seconds + WALL_EXTRA
        ):
            return f"took longer than {limits.cell_seconds:g} seconds and was stopped"
        if self.notebook_seconds > limits.notebook_seconds:
            return (
                f"was running when the notebook had taken {limits.notebook_seconds:g} seconds, "
                "and was stopped"
            )
        if len(processes) > limits.processes:
            return f"started more than {limits.processes} processes and was stopped"
        if memory > limits.memory_bytes and _held(processes) > limits.memory_bytes:
            return f"used more than {limits.memory_gb:.3g} GB of memory and was stopped"
        return ""


def _held(processes: list[psutil.Process]) -> int:
    """Bytes of memory used by `processes`, with shared memory counted once.

    If sharing cannot be read, as for another user's in a container, it is counted for each.
    """
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            try:
                full = process.memory_full_info()
                total += getattr(full, "pss", full.uss)
            except psutil.AccessDenied:
                total += process.memory_info().rss
    return total
