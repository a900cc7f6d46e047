"""Parent process of a kernel that runs as another user, if the grader is root without namespaces.

    guard (root) ── kernel (the other user) ── whatever the submission starts

The guard adopts the processes that a submission leaves behind, so that the meter, which watches
the guard's descendants, sees them too.
"""

import json
import os
import signal
import sys

from nbjudge.kernel.process import namespaces, seccomp
from nbjudge.kernel.process.namespaces import ProcessLimits


def main(user: int, connection_file: str, limits: ProcessLimits) -> int:
    """Run the kernel until it ends; returns its exit code."""
    namespaces.adopt_orphans()
    guard = os.getpid()
    kernel = os.fork()
    if kernel == 0:
        try:
            _kernel(guard, user, connection_file, limits)
        finally:
            os._exit(1)
    while True:
        pid, status = os.wait()
        if pid == kernel:
            return os.waitstatus_to_exitcode(status) & 0xFF


def _kernel(guard: int, user: int, connection_file: str, limits: ProcessLimits) -> None:
    """Drop all privileges, then run the kernel."""
    os.setsid()
    namespaces.become(user)
    namespaces.end_with_parent()
    if os.getppid() != guard:  # it has ended in the meantime
        return
    namespaces.drop_capabilities()
    seccomp.restrict()
    namespaces.limit(limits)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    from nbjudge.kernel.process import kernel  # now, so its imports have no privileges either

    kernel.run(connection_file, bound=lambda: None)


if __name__ == "__main__":
    user, connection, limits = sys.argv[1:]
    raise SystemExit(main(int(user), connection, ProcessLimits(**json.loads(limits))))
