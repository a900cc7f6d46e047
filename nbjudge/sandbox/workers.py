"""Workers: processes on this machine that run notebooks in parallel.

They are forked before anything else is started, so that they inherit everything that this process
has imported, and each keeps a warm process of its own.  They end with the process that made them,
even if that is killed.  On a system that cannot fork, threads take their place.
"""

import contextlib
import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from nbjudge.core import temporary
from nbjudge.sandbox import pool
from nbjudge.sandbox.isolation import Isolation

PR_SET_PDEATHSIG = 1

Result = TypeVar("Result")


@dataclass(frozen=True)
class NotebookExecutor:
    """Workers, and the isolation of the notebooks that they run."""

    workers: Executor
    isolation: Isolation

    def submit(self, run: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Have a worker call `run`, with the isolation after its other arguments.

        Raises BrokenExecutor if a worker has ended, and with it all others.
        """
        return self.workers.submit(run, *arguments, self.isolation)


@contextlib.contextmanager
def workers(jobs: int | None, isolation: Isolation) -> Iterator[NotebookExecutor]:
    """An executor that runs `jobs` notebooks at once, or one per core if that is None.

    If it is left by an exception such as Ctrl-C, everything still running is ended at once.
    """
    temporary.sweep()
    count = jobs or os.cpu_count() or 1
    if sys.platform != "linux":
        threads = ThreadPoolExecutor(count)
        try:
            yield NotebookExecutor(threads, isolation)
        finally:
            threads.shutdown(cancel_futures=True)
        return
    context = multiprocessing.get_context("fork")
    executor = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(os.getpid(),))
    # fork all of them now, while this process has no other threads
    wait([executor.submit(time.sleep, 0.001) for _ in range(count)])
    processes = list(multiprocessing.active_children())
    try:
        yield NotebookExecutor(executor, isolation)
    except BaseException:
        for process in processes:
            process.kill()
        executor.shutdown(cancel_futures=True)  # only its own thread is still to end
        raise
    executor.shutdown()


def _begin(parent: int) -> None:
    """Set up a new worker, which leaves Ctrl-C to its parent and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    multiprocessing.util.Finalize(None, pool.close_all, exitpriority=1)  # workers skip atexit
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended in the meantime
        os._exit(1)
