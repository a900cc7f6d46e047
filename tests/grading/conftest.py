"""Fixtures: the tiny course, built once a session and copied for each test that changes it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import small_course

from lmlib.grading import build
from lmlib.grading.course import Course, find_course


def quiet(what: str, done: int, total: int) -> None:
    """Progress for a test that does not look at it."""


@pytest.fixture(scope="session")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="session")
def built_folder(tmp_path_factory: pytest.TempPathFactory, executor: Executor) -> Path:
    course = small_course.write_course(tmp_path_factory.mktemp("tiny") / "course")
    assert build.build(course, small_course.NAME, executor, quiet)
    return course.root


@pytest.fixture
def course(built_folder: Path, tmp_path: Path) -> Course:
    """The tiny course, released and with its key; the test's own to change."""
    return find_course(shutil.copytree(built_folder, tmp_path / "a course"))


@pytest.fixture
def build_tiny(tmp_path: Path, executor: Executor) -> Callable[..., Course]:
    """Build the tiny course with another notebook or other mistakes."""

    def build_it(**changes: object) -> Course:
        course = small_course.write_course(tmp_path / "course", **changes)
        build.build(course, small_course.NAME, executor, quiet)
        return course

    return build_it
