"""Provisioner of kernels that run as another user, if the grader is root without namespaces.

An autograder runs like this in a container such as Gradescope's.  The student's code has no
network and no privileges, but may read every world-readable file; so this is only used if
`why_not` has found that the grader's own files are closed to it.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.connect import KernelConnectionInfo

from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.kernel.process import seccomp
from nbjudge.sandbox.unsandboxed import UnsandboxedProvisioner

USER = 64_321
"""Number of the user and the group, which belongs to no account."""

CHECK = """\
import json, os, sys
import ipykernel, zmq, nbjudge.kernel.process.kernel
can = lambda path, *ways: any(os.access(path, way) for way in ways)
closed, kept = json.loads(sys.argv[1])
usable = [path for path in closed if can(path, os.R_OK, os.W_OK, os.X_OK)]
print(json.dumps([usable, [path for path in kept if can(path, os.W_OK)]]))"""


def why_not(closed: Iterable[Path] = (), kept: Iterable[Path] = ()) -> str | None:
    """Why kernels cannot run as the other user, in a sentence; None if they can.

    closed: files and folders that this user must not be able to use
    kept: those that they must not be able to change
    """
    if sys.platform != "linux" or os.getuid() != 0:
        return "only root, on Linux, can run code as another user"
    if platform.machine() not in seccomp.MACHINES:
        return f"there is no filter of system calls for {platform.machine()}"
    paths = json.dumps([list(map(str, closed)), list(map(str, kept))])
    try:
        done = _run([sys.executable, "-I", "-c", CHECK, paths])
    except (OSError, subprocess.SubprocessError) as error:
        return f"no program starts as another user ({error})"
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        return f"Python does not start as another user ({said[:200]})"
    usable, changeable = json.loads(done.stdout)
    if usable:
        return f"another user could use {usable[0]}"
    return f"another user could change {changeable[0]}" if changeable else None


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, user=USER, group=USER, extra_groups=(), cwd="/", env={"LANG": "C.UTF-8"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def end_all() -> None:
    """End every process of the other user, even if they keep forking.

    Raises CourseError if some survive.
    """
    for _ in range(100):
        if not any(map(_is_theirs, psutil.process_iter())):
            return
        _run([sys.executable, "-I", "-S", "-c", f"import os; os.kill(-1, {signal.SIGKILL:d})"])
    raise CourseError("Processes that the submission started could not be ended.")


def _is_theirs(process: psutil.Process) -> bool:
    try:
        return process.uids().real == USER and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class OtherUserProvisioner(UnsandboxedProvisioner):
    """Provisioner that starts `nbjudge.kernel.process.guard`, which runs the kernel."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give the other user access to the kernel's folder, and nothing next to it."""
        prepared = await super().pre_launch(**kwargs)
        manager: Any = self.parent
        scratch, home = self.home.parent, self.home
        connection = shutil.copy(manager.connection_file, home)
        for path in (home, *home.rglob("*")):
            os.chown(path, USER, USER)
        home.chmod(0o700)
        scratch.chmod(0o711)
        limits = json.dumps(Limits(**self.limits).of_processes())
        guard = ["-P", "-m", "nbjudge.kernel.process.guard", str(USER), str(connection), limits]
        prepared["cmd"] = [sys.executable, *guard]
        prepared["env"] |= {"USER": "student", "LOGNAME": "student"}
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the guard, after all processes of an earlier kernel have ended."""
        end_all()
        return await super().launch_kernel(cmd, **kwargs)

    async def wait(self) -> int | None:
        """Wait until the kernel has ended, and end everything that it has started."""
        ended = await super().wait()
        end_all()
        return ended
