"""A pretended container: root with the few rights that Docker leaves it, and no namespaces.

    python container.py COMMAND ...

Namespaces, mounts and traces are refused by a filter, and root is left the capabilities of
Docker's default. What the tests themselves need is made reachable for other users first, in a
mount namespace that ends with the command.
"""

import os
import sys
from pathlib import Path

from nbjudge.kernel.process import namespaces, seccomp

# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw,
# sys_chroot, mknod, audit_write, setfcap
DOCKER = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
NEW_MOUNTS = 0x00020000

NEEDED = (Path(os.path.realpath(sys.base_prefix)), Path(__file__).parents[2])


def closed_above(path):
    """The highest folder above `path` that other users cannot enter; None where there is none."""
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & 1), None)


def make_reachable(aside):
    """Let other users reach the interpreter and the repository, and nothing beside these."""
    closed = {closed_above(path) for path in NEEDED} - {None}
    kept = [path for path in NEEDED if closed_above(path)]
    for number, path in enumerate(kept):
        (aside / str(number)).mkdir()
        namespaces.mount(str(path), str(aside / str(number)), None, namespaces.MS_BIND)
    for folder in closed:
        namespaces.mount("tmpfs", str(folder), "tmpfs", 0, "mode=0711")
    for number, path in enumerate(kept):
        path.mkdir(parents=True)
        namespaces.mount(str(aside / str(number)), str(path), None, namespaces.MS_BIND)


def main(command):
    namespaces._checked(namespaces._libc.unshare(NEW_MOUNTS), "unshare")
    namespaces.mount("none", "/", None, namespaces.MS_REC | namespaces.MS_PRIVATE)
    namespaces.mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0700")
    make_reachable(Path("/mnt"))
    for capability in set(range(41)) - DOCKER:
        namespaces.prctl(namespaces.PR_CAPBSET_DROP, capability)
    seccomp.restrict()
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
