"""Processor seconds of a tree of processes, including those that end between two looks at it.

The time of a process that has ended is in its parent's count of reaped children; that of a zombie
is still its own.  What a parent that ignores SIGCHLD lets vanish is in no count.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil


class Times(NamedTuple):
    """Processor seconds of one process, and of the children that it has reaped."""

    own: float
    reaped: float


def times_of(process: psutil.Process) -> Times:
    """The processor seconds of `process`.  Raises psutil.Error if it is gone."""
    found = process.cpu_times()
    reaped = getattr(found, "children_user", 0.0) + getattr(found, "children_system", 0.0)
    return Times(found.user + found.system, reaped)


class Usage:
    """What a tree of processes uses from one look to the next."""

    def __init__(self) -> None:
        self._seen: dict[int, Times] = {}
        self._awaited = 0.0  # of processes that have ended and are not yet in their parent's count

    def since_last(self, now: dict[int, Times]) -> float:
        """Seconds used since the last look, by what each process shows: pid → its times.

        Parents must have been read before their children, which would otherwise count twice.
        """
        nothing = Times(0.0, 0.0)
        before = {pid: self._seen.get(pid, nothing) for pid in now}
        used = sum(max(0.0, times.own - before[pid].own) for pid, times in now.items())
        grown = sum(max(0.0, times.reaped - before[pid].reaped) for pid, times in now.items())
        ended = sum(sum(times) for pid, times in self._seen.items() if pid not in now)
        counted_before = ended + self._awaited
        self._awaited = min(ended, max(0.0, counted_before - grown))
        self._seen = now
        return used + max(0.0, grown - counted_before)


def loses_children(processes: Iterable[psutil.Process]) -> bool:
    """Whether one of `processes` ignores the end of its children, whose times are then lost."""
    return any(_ignores_children(process.pid) for process in processes)


def _ignores_children(pid: int) -> bool:
    child_ended = 17  # SIGCHLD on Linux
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    ignored = next((line for line in status.splitlines() if line.startswith("SigIgn:")), ":0")
    return bool(int(ignored.partition(":")[2], 16) >> (child_ended - 1) & 1)
