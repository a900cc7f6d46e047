"""A clone of the course, and one in which the first problem set is built and graded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbjudge.core.course import find_course
from tests import shared
from tests.docs import clone


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Iterator[Path]:
    """The clone, whose builds need not run what other tests have run already."""
    folder = clone.clone(tmp_path_factory.mktemp("a clone") / "course")
    found = find_course(folder)
    with shared.turn(session_folder, clone.NAME):
        shared.lend_runs(session_folder, found, clone.NAME)
    yield folder
    shared.keep_runs(session_folder, found, clone.NAME)
