"""Workers for a command, with the sandbox and the warm processes that were asked for."""

import contextlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor

from nbjudge.sandbox import bubblewrap, engine
from nbjudge.sandbox.workers import workers


@contextlib.contextmanager
def started(
    jobs: int | None = None,
    sandbox: str | None = None,
    warm: str | None = None,
    is_ours: bool = False,
) -> Iterator[Executor]:
    """Workers that run notebooks.

    jobs:    how many notebooks run at once; one for each core if that is not given
    sandbox: "auto", "bwrap", or "none"
    warm:    "on" or "off"
    is_ours: what runs was written by the course itself, so it also runs if this machine has no
             sandbox

    Raises CourseError if this machine has no sandbox and one is needed.
    """
    for variable, chosen in ((engine.SANDBOX, sandbox), (engine.WARM, warm)):
        if chosen is not None:
            os.environ[variable] = chosen
    if is_ours and os.environ.get(engine.SANDBOX, "auto") == "auto":
        if reason := bubblewrap.why_not():
            print(f"nbjudge: without a sandbox, since {reason}.", file=sys.stderr)
            os.environ[engine.SANDBOX] = "none"
    engine.check_sandbox()
    with workers(jobs) as executor:
        yield executor
