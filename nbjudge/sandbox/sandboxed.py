"""Provisioner of kernels in the sandbox, for jupyter_client and everything built on it.

It is registered under the name `nbjudge-sandbox`; a kernelspec asks for it in its metadata:

    {"kernel_provisioner": {"provisioner_name": "nbjudge-sandbox",
                            "config": {"packages": ["numpy"], "warm": true}}}
"""

import base64
import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Bool, Dict, Int, List, Unicode

from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.kernel.process import zygote as inside
from nbjudge.sandbox import bubblewrap
from nbjudge.sandbox import pool as warm_processes
from nbjudge.sandbox.meter import Meter

_NUMBERS = itertools.count()


class SandboxProvisioner(KernelProvisionerBase):
    """Provisioner of kernels in the sandbox, forked from a warm process or from a new one."""

    packages = List(Unicode(), help="what may be imported, with its dependencies")
    library = Unicode(help="one of them: the course's own")
    warm = Bool(True, help="keep the process that the kernel is forked from for the next one")
    threads = Int(1, help="of each numerical library")
    limits = Dict(help="those of `nbjudge.core.limits.Limits` that are not the default")

    _zygote: warm_processes.Zygote | None = None
    meter: Meter | None = None

    @property
    def has_process(self) -> bool:
        return self._zygote is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Take a warm process, and write the connection file for the folder that it shares.

        Raises CourseError if the sandbox cannot be made.
        """
        if reason := bubblewrap.why_not():
            raise CourseError(f"There is no sandbox: {reason}.")
        kind = warm_processes.Kind(tuple(self.packages), self.library, self.threads)
        self._zygote = warm_processes.borrow(kind) if self.warm else warm_processes.Zygote(kind)
        name = f"k{next(_NUMBERS)}"
        manager: Any = self.parent
        manager.transport = "ipc"
        manager.ip = str(self._zygote.sockets / name)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        kwargs["cmd"] = ["nbjudge-sandbox"]
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel, with `files` (name → bytes) next to it and `variables` set.

        Raises CourseError if it does not start.
        """
        assert self._zygote is not None
        limits = Limits(**self.limits)
        inner: dict[str, Any] = dict(self.connection_info)
        name = Path(inner["ip"]).name
        inner["ip"] = f"{inside.SOCKETS}/{name}"
        inner["key"] = _text(inner["key"])
        files: dict[str, bytes] = kwargs.get("files", {})
        request = {
            "connection": inner,
            "files": {name: base64.b64encode(data).decode() for name, data in files.items()},
            "environment": kwargs.get("variables", {}),
            "limits": limits.of_processes(),
        }
        # not through the zygote: the next student's kernel has a copy of its memory
        (self._zygote.sockets / name).write_text(json.dumps(request))
        answer = self._zygote.ask(start=name)
        if "failed" in answer:
            raise CourseError(f"The kernel did not start in the sandbox: {answer['failed']}.")
        root = _seen_from_here(self._zygote.process.pid, answer["started"])
        self.meter = Meter(root, limits, True)
        return self.connection_info

    async def poll(self) -> int | None:
        if self.meter is None:
            return 0
        with contextlib.suppress(psutil.NoSuchProcess):
            root = self.meter.root
            if root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
                return None
        return 1

    async def wait(self) -> int | None:
        """Wait until the kernel and everything it started have ended; end them if necessary."""
        self._end()
        return 0

    async def send_signal(self, signum: int) -> None:
        if self.meter is not None:
            with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                self.meter.root.children()[0].send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        self._end()

    async def terminate(self, restart: bool = False) -> None:
        self._end()

    async def cleanup(self, restart: bool = False) -> None:
        self._end()

    def _end(self) -> None:
        """End the kernel and everything that it started, and free its warm process."""
        meter, self.meter = self.meter, None
        if meter is not None:
            meter.stop()
        zygote, self._zygote = self._zygote, None
        if zygote is None:
            return
        try:
            is_usable = zygote.is_alive() and zygote.ask(stop=True) == {"stopped": True}
        except CourseError:
            is_usable = False
        for socket in zygote.sockets.iterdir():
            socket.unlink(missing_ok=True)
        if is_usable and self.warm:
            warm_processes.give_back(zygote)
        else:
            zygote.close()


def _text(key: bytes | str) -> str:
    return key.decode() if isinstance(key, bytes) else key


def _seen_from_here(bwrap: int, inner: int) -> int:
    """The process id outside the sandbox of `bwrap` of the process that is `inner` inside it.

    psutil's `children` is not used because it skips those that seem older than their parent, as
    happens if the system's clock is set back.
    """
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
            if numbers.split()[2:3] == [str(inner)] and bwrap in _ancestors(pid):
                return pid
    raise CourseError("The kernel ended before it was seen.")


def _ancestors(pid: int) -> Iterator[int]:
    while pid := psutil.Process(pid).ppid():
        yield pid
