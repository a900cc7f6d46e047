"""What all tests share: markers, their order, Hypothesis' profile, and a sandbox or none.

`make check` runs the tests without the markers `kernel` and `slow`. Tests get `kernel` by the
fixtures that they use or the folder that they are in, or name it themselves; one that starts a
kernel without it fails.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from nbjudge.sandbox import bubblewrap, isolation
from tests import shared

if bubblewrap.why_not():
    isolation.AUTO = "none"

# No deadline: a busy machine fails no test. In CI the examples are always the same ones.
hypothesis.settings.register_profile(
    "course", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("course")

HERE = Path(__file__).parent

WITH_KERNELS = frozenset({"executor", "executed", "solved", "demo", "batch"})
"""Fixtures for which notebooks are run."""

WITH_SOLUTIONS = frozenset({"names", "observed"})
"""Fixtures for which a problem set's solutions run in this process, which takes seconds."""

WHOLE_COURSE = frozenset({"browser", "colab", "docs", "hostile"})
"""Folders whose tests run the course as a person would: in a browser, a clone, or a terminal."""

LONGEST_FIRST = (
    "notebooks/test_ps1_round_trip.py",
    "hostile",
    "colab/test_problem_sets.py",
    "notebooks",
    "browser/test_student.py",
    "docs",
    "test_lowest.py",
    "browser",
    "nbjudge",
)
"""Where to start, so that all workers end at about the same time. The rest is short."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if WITH_KERNELS & set(getattr(item, "fixturenames", ())):
            item.add_marker("kernel")
        if WITH_SOLUTIONS & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
        if WHOLE_COURSE & set(item.path.relative_to(HERE).parts):
            item.add_marker("kernel")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    path = item.path.relative_to(HERE).as_posix()
    return next(
        (turn for turn, place in enumerate(LONGEST_FIRST) if path.startswith(place)),
        len(LONGEST_FIRST),
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that starts a kernel in this process without the marker, fixtures included."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("kernel") is None:
            patch.setattr(KernelProvisionerFactory, "create_provisioner_instance", _refuse)
        return (yield)


def _refuse(*arguments: Any, **named: Any) -> None:
    pytest.fail("A test that starts a kernel needs the marker `kernel`.")


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test session, the same one for every worker."""
    return shared.session_folder(tmp_path_factory)
