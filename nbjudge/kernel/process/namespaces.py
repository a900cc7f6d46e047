"""Linux namespaces, users, capabilities and limits, by the system calls that Python does not offer.

Used in a process that is about to run a submission.  Everything here only removes privileges.
"""

import ctypes
import os
import resource
import signal
import struct
from dataclasses import dataclass

NEW_NAMESPACES = 0x10000000 | 0x20000000 | 0x00020000 | 0x08000000 | 0x04000000
"""CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWIPC and CLONE_NEWUTS."""

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 22, 36, 38

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


@dataclass(frozen=True)
class ProcessLimits:
    """The limits of a submission that each of its processes enforces; its run sets all of them."""

    memory_bytes: int  # of each process; all of them together are watched from outside
    file_bytes: int  # of each file, and of each private folder
    processes: int
    open_files: int  # of each process


def unshare() -> None:
    """Move this process into new namespaces; its next child becomes pid 1 there.

    Raises OSError if the machine forbids it.
    """
    user, group = os.getuid(), os.getgid()
    prctl(PR_SET_DUMPABLE, 1)  # otherwise the maps below could not be opened
    _checked(_libc.unshare(NEW_NAMESPACES), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def prctl(option: int, *arguments: int) -> None:
    """Call prctl(2).  Raises OSError."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(option, *padded), f"prctl {option}")


def end_with_parent() -> None:
    """Have this process killed when its parent ends; call it after any change of privileges."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Call mount(2).  Raises OSError."""
    encoded = [text.encode() if text else None for text in (source, target, kind)]
    done = _libc.mount(*encoded, ctypes.c_ulong(flags), options.encode() or None)
    _checked(done, f"mount {target}")


def private_mounts(folders: tuple[str, ...], bytes_each: int) -> None:
    """Give this mount namespace its own process table, and empty `folders` in memory.

    Raises OSError.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for folder in folders:
        options = f"size={bytes_each},nr_inodes=20000,mode=0700"
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, options)


def make_read_only(folder: str) -> None:
    """Forbid writing below `folder`, a mount, in this mount namespace.  Raises OSError."""
    flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
    mount("none", folder, None, flags)


def adopt_orphans() -> None:
    """Make this process adopt its orphaned descendants.  Raises OSError."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def become(user: int) -> None:
    """Become another user for good, in a group of the same number only.  Raises OSError."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.umask(0o077)


def drop_capabilities() -> None:
    """Give up every capability for good, here and in whatever is executed later."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # the kernel has no more of them
            break
    header = struct.pack("=Ii", 0x20080522, 0)  # version 3, this thread
    _checked(_libc.capset(header, struct.pack("=6I", 0, 0, 0, 0, 0, 0)), "capset")


def limit(limits: ProcessLimits) -> None:
    """Set the resource limits of this process and its children."""
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    if os.getuid() != 0:  # root's processes are not counted
        bounds[resource.RLIMIT_NPROC] = limits.processes
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (most, most))
