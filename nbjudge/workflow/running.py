"""Workers for a command, with the sandbox and the warm processes that were asked for."""

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

    jobs:    how many notebooks run at once; one for each core if that is not given
    sandbox: "auto", "bwrap", or "none"
    is_warm: whether each kernel is forked from a process that has imported what it needs
    is_ours: what runs was written by the course itself, so it also runs if this machine has no
             sandbox

    Raises CourseError if this machine has no sandbox and one is needed.
    """
    isolation = Isolation(sandbox, is_warm)
    if is_ours and sandbox == "auto" and (reason := bubblewrap.why_not()):
        print(f"nbjudge: without a sandbox, since {reason}.", file=sys.stderr)
        isolation = Isolation("none", is_warm)
    isolation.check()
    with workers(jobs, isolation) as executor:
        yield executor
