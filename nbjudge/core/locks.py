"""Locks between programs on one machine; the system lifts one when its program ends."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from nbjudge.core.errors import CourseError

try:
    import fcntl
except ImportError:  # Windows, where nothing is graded
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def only_one(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock at `path`, a file that stays.

    Raises CourseError with the sentence `refusal` if another program holds it. On a drive without
    locks there is none to hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CourseError(refusal) from error
            except OSError:
                pass
        yield
