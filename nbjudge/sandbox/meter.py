"""The meter, which watches the resource use of one submission's processes from outside.

Time is counted so that a busy machine changes no score: as processor seconds while a process
computes, and by the clock while all of them wait.  Above both, the clock bounds each cell and the
notebook, so generously that only what escapes the count reaches the bound.
"""

import contextlib
import threading
import time
from collections import Counter

import psutil

from nbjudge.core.limits import Limits
from nbjudge.sandbox import system_memory
from nbjudge.sandbox.usage import Times, Usage, loses_children, times_of

PERIOD = 0.1
"""Seconds between two measurements."""

WALL_FACTOR, WALL_EXTRA = 10, 60
"""Hard limit on the clock for each cell: this many times its seconds, plus these."""

TRICKLE = 0.25
"""The part of the time that a process may compute while all of them still count as waiting."""

WAITING = frozenset({psutil.STATUS_SLEEPING, psutil.STATUS_IDLE, psutil.STATUS_STOPPED,
                     psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})  # fmt: skip


class Meter:
    """Watcher of the descendants of one process, which it kills if a limit is exceeded.

    `reason` then says which limit, as the end of a sentence about the cell, `culprit`.
    """

    def __init__(self, pid: int, limits: Limits, has_own_network: bool = False) -> None:
        self.root = psutil.Process(pid)
        self.limits = limits
        self.has_own_network = has_own_network  # so that all sockets in it are the submission's
        self.reason = ""
        self.culprit = ""
        self.notebook_seconds = 0.0
        self.cell_seconds = 0.0
        self._cell = ""  # the running one
        self._began = 0.0  # the first cell
        self._cell_began = self._looked = time.monotonic()
        self._usage = Usage()
        self._blocked: set[int] = set()  # processes that waited for the disk, or seemed to
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
            self._began = self._began or self._cell_began

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
        times: dict[int, Times] = {}
        states: dict[int, str] = {}
        memory = self._in_sockets()
        for process in processes:
            gone = contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied)
            with gone, process.oneshot():
                times[process.pid] = times_of(process)
                states[process.pid] = process.status()
                shown = process.memory_info()
                memory += shown.rss + shown.vms // system_memory.PAGE_TABLES
        used, elapsed = self._usage.since_last(times), now - self._looked
        spent = elapsed if self._is_clock_right(processes, states, used, elapsed) else used
        self._looked = now
        if not self._cell:
            return
        self.cell_seconds += spent
        self.notebook_seconds += spent
        if reason := self._crossed(processes, memory, now):
            self.reason, self.culprit = reason, self._whose(processes)
            with contextlib.suppress(psutil.NoSuchProcess):
                self.root.kill()  # pid 1 of its process table: all others end with it

    def _is_clock_right(
        self, processes: list[psutil.Process], states: dict[int, str], used: float, elapsed: float
    ) -> bool:
        """Whether the clock tells better than `used` what the last `elapsed` seconds have cost."""
        blocked = {pid for pid, state in states.items() if state == psutil.STATUS_DISK_SLEEP}
        still_blocked, self._blocked = blocked & self._blocked, blocked
        if used >= elapsed:
            return False
        if all(state in WAITING or pid in still_blocked for pid, state in states.items()):
            return used < TRICKLE * elapsed
        return loses_children(processes)

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

    def _crossed(self, processes: list[psutil.Process], memory: int, now: float) -> str:
        limits = self.limits
        wall = now - self._cell_began
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
        if now - self._began > limits.wall_seconds:
            return (
                f"was running when the notebook had taken {limits.wall_seconds:g} seconds by the "
                "clock, and was stopped"
            )
        if len(processes) > limits.processes:
            return f"started more than {limits.processes} processes and was stopped"
        most = limits.memory_bytes
        if memory > most and self._in_sockets() + _held(processes) > most:
            return f"used more than {limits.memory_gb:.3g} GB of memory and was stopped"
        return ""

    def _in_sockets(self) -> int:
        """The most bytes that the submission's sockets hold."""
        return system_memory.most_in_sockets(self.root.pid) if self.has_own_network else 0


def _held(processes: list[psutil.Process]) -> int:
    """Bytes of memory that `processes` hold, page tables too; what they share counts once.

    If sharing cannot be read, as for another user's in a container, it is counted for each.
    """
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += system_memory.page_tables(process.pid)
            try:
                full = process.memory_full_info()
                total += getattr(full, "pss", full.uss)
            except psutil.AccessDenied:
                total += process.memory_info().rss
    return total
