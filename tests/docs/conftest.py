"""A clone of the course, and one in which the first problem set is built and graded."""

from pathlib import Path

import pytest

from tests.docs import clone


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone.clone(tmp_path_factory.mktemp("a clone") / "course")
