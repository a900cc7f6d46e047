"""Work that a test session does once, in a folder that all of its workers share."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from nbjudge.core.course import Course


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this test session, the same one for every worker of pytest-xdist."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def made_once(place: Path, make: Callable[[Path], object]) -> Path:
    """`place`, a folder that the first test to ask has `make` fill; the others only read it.

    Raises what `make` raises; then the next one to ask tries again.
    """
    done = place.with_name(f"{place.name}.done")
    with FileLock(place.with_name(f"{place.name}.lock")):
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
            done.touch()
    return place


@contextmanager
def shared_runs(session: Path, course: Course, name: str) -> Iterator[None]:
    """Inside, a build of the assignment `name` runs only what no earlier build has run.

    A build keeps its runs of notebooks below the key, by a digest of all that they depend on, for
    the next build. Here they are kept for the builds of other courses of this session too. Builds
    of one assignment take turns, so that none runs what another one is just running.
    """
    with turn(session, name):
        lend_runs(session, course, name)
        try:
            yield
        finally:
            keep_runs(session, course, name)


def turn(session: Path, name: str) -> FileLock:
    """A lock that is held while the runs of an assignment are made, lent or kept."""
    session.joinpath("runs").mkdir(exist_ok=True)
    return FileLock(session / "runs" / f"{name}.lock", is_singleton=True)


def lend_runs(session: Path, course: Course, name: str) -> None:
    """Put the runs that earlier builds have left where the next build of `course` looks."""
    _link(session / "runs" / name, course.key(name) / "runs")


def keep_runs(session: Path, course: Course, name: str) -> None:
    """Keep the runs of a build of `course` for later builds."""
    _link(course.key(name) / "runs", session / "runs" / name)


def _link(source: Path, target: Path) -> None:
    """Link every run below `source` that `target` lacks: a run is never changed in place."""
    for path in source.rglob("*.json"):
        place = target / path.relative_to(source)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.hardlink_to(path)
