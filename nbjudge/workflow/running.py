"""Workers for a command, with the requested sandbox and warm processes."""

import contextlib
import sys
from collections.abc import Iterator

from nbjudge.sandbox import bubblewrap
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor, workers


@contextlib.contextmanager
def started(
    jobs: int | None = None,
    sandbox: str = "auto",
    is_warm: bool = True,
    is_ours: bool = False,
) -> Iterator[NotebookExecutor]:
    """Workers that run notebooks.

    jobs:    how many notebooks run at once; default: one per core
    sandbox: "auto", "bwrap", or "none"
    is_warm: whether each kernel is forked from a process that has imported what it needs
    is_ours: whether the code is the course's own, which also runs if this machine has no
             sandbox

    Raises CourseError if this machine has no sandbox and one is needed.
    """
    isolation = Isolation(sandbox, is_warm)
    if is_ours and sandbox == "auto" and (reason := bubblewrap.why_not()):
        print(f"nbjudge: running without a sandbox, because {reason}.", file=sys.stderr)
        isolation = Isolation("none", is_warm)
    isolation.check()
    with workers(jobs, isolation) as executor:
        yield executor
