"""Fixtures: the tiny course, built once a session and copied for each test that changes it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scorers"))
sys.path.insert(0, str(Path(__file__).parent))

import small_course

from nbjudge.authoring import build
from nbjudge.core.course import Course, find_course
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor
from tests import shared


@pytest.fixture(scope="session")
def executor() -> Iterator[NotebookExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield NotebookExecutor(threads, Isolation())


@pytest.fixture(scope="session")
def built_folder(session_folder: Path, executor: NotebookExecutor) -> Path:
    def make(place: Path) -> None:
        course = small_course.write_course(place)
        assert build.build(course, small_course.NAME, executor, small_course.quiet)

    return shared.made_once(session_folder / "tiny", make)


@pytest.fixture
def course(built_folder: Path, tmp_path: Path) -> Course:
    """The tiny course, released and with its key; the test's own to change."""
    return find_course(shutil.copytree(built_folder, tmp_path / "a course"))


@pytest.fixture(scope="module")
def built_once(
    tmp_path_factory: pytest.TempPathFactory, executor: NotebookExecutor
) -> Callable[..., Path]:
    """Build the tiny course with another notebook or settings, for a module's tests to copy."""

    def build_it(settings: str = small_course.COURSE, **changes: object) -> Path:
        course = small_course.write_course(tmp_path_factory.mktemp("other") / "course", **changes)
        (course.root / "course.toml").write_text(settings)
        course = find_course(course.root)
        build.build(course, small_course.NAME, executor, small_course.quiet)
        return course.root

    return build_it


@pytest.fixture
def build_tiny(tmp_path: Path, executor: NotebookExecutor) -> Callable[..., Course]:
    """Build the tiny course with another notebook or other mistakes."""

    def build_it(**changes: object) -> Course:
        course = small_course.write_course(tmp_path / "course", **changes)
        build.build(course, small_course.NAME, executor, small_course.quiet)
        return course

    return build_it
