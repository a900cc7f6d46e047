"""Pool of warm processes, each of which forks one kernel at a time inside its own sandbox.

An unused process waits in `_IDLE` for the next submission with the same packages.  Each ends with
the process that started it, however that ends, because its stdin is then closed.
"""

import atexit
import contextlib
import json
import os
import select
import shutil
import subprocess
import threading
from dataclasses import dataclass
from typing import Any

from nbjudge.core import temporary
from nbjudge.core.errors import CourseError
from nbjudge.sandbox import bubblewrap

MOST_IDLE = 4  # kept by each process
WARM_UP_SECONDS = 120
ANSWER_SECONDS = 90


@dataclass(frozen=True)
class Kind:
    """Kind of a warm process; one of another kind cannot take its place."""

    packages: tuple[str, ...]
    library: str = ""  # one of them, all of whose modules are imported
    threads: int = 1  # of each numerical library, which reads it when it is imported


class Zygote:
    """A warm process in a sandbox, as seen from outside.

    Raises CourseError if it cannot be started.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.owner = os.getpid()
        self.folder = temporary.make()
        self.sockets = self.folder / "s"
        self.sockets.mkdir()
        command = bubblewrap.zygote_command(
            kind.packages, kind.library, str(self.sockets), kind.threads
        )
        with open(self.folder / "stderr", "wb") as complaints:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,  # Ctrl-C is the grader's
            )
        try:
            self._receive(WARM_UP_SECONDS)
        except BaseException:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises CourseError if the process has ended or does not answer.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._broken() from error
        return self._receive(ANSWER_SECONDS)

    def _receive(self, seconds: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise self._broken()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _broken(self) -> CourseError:
        with contextlib.suppress(OSError):
            lines = (self.folder / "stderr").read_text(errors="replace").strip().splitlines()
            if lines:
                return CourseError(f"The sandbox stopped working: {lines[-1][:300]}")
        return CourseError("The sandbox stopped working.")

    def is_alive(self) -> bool:
        """Whether the current process started it and it is still running."""
        return self.owner == os.getpid() and self.process.poll() is None

    def close(self) -> None:
        """End it, and everything in its sandbox, and remove its folder."""
        if self.owner != os.getpid():  # a copy, in a fork of the process that started it
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_IDLE: list[Zygote] = []  # the one that has waited longest is first
_LOCK = threading.Lock()


def borrow(kind: Kind) -> Zygote:
    """A warm process of this `kind`: an idle one, or else a new one."""
    with _LOCK:
        _IDLE[:] = [zygote for zygote in _IDLE if zygote.is_alive()]
        found = next((zygote for zygote in reversed(_IDLE) if zygote.kind == kind), None)
        if found is not None:
            _IDLE.remove(found)
            return found
    return Zygote(kind)


def give_back(zygote: Zygote) -> None:
    """Keep `zygote` for the next submission of its kind; the one idle longest makes room."""
    with _LOCK:
        _IDLE.append(zygote)
        surplus, _IDLE[:] = _IDLE[:-MOST_IDLE], _IDLE[-MOST_IDLE:]
    for one in surplus:
        one.close()


@atexit.register
def close_all() -> None:
    """End all idle warm processes."""
    with _LOCK:
        waiting = _IDLE.copy()
        _IDLE.clear()
    for zygote in waiting:
        zygote.close()
