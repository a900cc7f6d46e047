"""Provisioner of kernels without a sandbox, which run with the grader's permissions and a meter.

For machines that cannot make the sandbox, and for people who trust all the code that they run.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, Dict, Int, List, Unicode

from nbjudge.core.limits import Limits
from nbjudge.sandbox.bubblewrap import thread_variables
from nbjudge.sandbox.meter import Meter


class UnsandboxedProvisioner(LocalProvisioner):
    """Provisioner that starts `nbjudge.kernel.process.kernel` as an ordinary process."""

    packages = List(Unicode())  # not enforced here
    library = Unicode()
    warm = Bool()  # each kernel is a new process
    threads = Int(1, help="of each numerical library")
    limits = Dict(help="those of `nbjudge.core.limits.Limits` that are not the default")

    meter: Meter | None = None

    @property
    def home(self) -> Path:
        """The kernel's own folder."""
        manager: Any = self.parent
        return Path(manager.connection_file).parent / "home"

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write the task's `files` into an empty folder and set its `variables`."""
        manager: Any = self.parent
        home = self.home
        work = home / "work"
        work.mkdir(parents=True)
        for name, content in kwargs.pop("files", {}).items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content)
        _copy_font_list(home)
        if os.name == "posix":
            manager.transport, manager.ip = "ipc", str(home / "k")
        variables = kwargs.pop("variables", {})
        kwargs |= {
            "cwd": str(work),
            "env": _environment(home, self.threads) | variables,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        prepared: dict[str, Any] = await super().pre_launch(**kwargs)
        # -P: no file in the working folder can shadow what the kernel imports at its start
        module = ["-P", "-m", "nbjudge.kernel.process.kernel"]
        prepared["cmd"] = [sys.executable, *module, "-f", manager.connection_file]
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        connection = await super().launch_kernel(cmd, **kwargs)
        assert self.process is not None
        self.meter = Meter(self.process.pid, Limits(**self.limits))
        return connection

    async def wait(self) -> int | None:
        if self.meter is not None:
            self.meter.stop()
        return await super().wait()


def _environment(home: Path, threads: int) -> dict[str, str]:
    """The few variables that a student's kernel sees."""
    known = ("PATH", "LANG", "SYSTEMROOT")
    passed = {name: os.environ[name] for name in known if name in os.environ}
    return {
        **passed,
        **thread_variables(threads),
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "PYTHONHASHSEED": "random",
    }


def _copy_font_list(home: Path) -> None:
    """Give Matplotlib in the kernel the font list that it would otherwise spend seconds on."""
    (home / "matplotlib").mkdir()
    for path in font_lists():
        shutil.copy(path, home / "matplotlib")


@functools.cache
def font_lists() -> tuple[Path, ...]:
    """Matplotlib's lists of this machine's fonts."""
    try:
        import matplotlib
        import matplotlib.font_manager  # importing it creates the list
    except ImportError:
        return ()
    return tuple(Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))
