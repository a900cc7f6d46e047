"""The course's library: found, built by whatever builds it, and not twice."""

from pathlib import Path

import build
import pytest

from nbjudge.core import library
from nbjudge.core.errors import CourseError

NAME = "shells"
PROJECT = """
[build-system]
requires = ["{backend}"]
build-backend = "{backend}.build"

[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["numpy", "tqdm>=4"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the package, next to where its project belongs."""
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "__init__.py").write_text("ONE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    library._built.cache_clear()
    library.requirements.cache_clear()
    return tmp_path


def write_project(folder: Path, backend: str = "hatchling", name: str = NAME) -> None:
    (folder / "pyproject.toml").write_text(PROJECT.format(backend=backend, name=name))


def test_a_project_is_next_to_the_package_or_in_its_folder(folder: Path) -> None:
    assert library.project_of(NAME) is None
    write_project(folder, name="something-else")
    assert library.project_of(NAME) is None
    write_project(folder)
    assert library.project_of(NAME) == folder
    (folder / NAME / "pyproject.toml").touch()
    assert library.project_of(NAME) == folder / NAME
    assert library.project_of("no_such_package") is None


def test_a_wheel_is_built_again_only_if_something_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(folder)
    first = library.make_wheel(NAME)
    assert first[0] == f"{NAME}-1.0-py3-none-any.whl"
    library._built.cache_clear()  # as in another process
    with monkeypatch.context() as patch:
        patch.setattr(build, "ProjectBuilder", lambda *_, **__: pytest.fail("built again"))
        assert library.make_wheel(NAME) == first
    (folder / NAME / "__init__.py").write_text("ONE = 2\n")
    second = library.make_wheel(NAME)
    assert second[0] == first[0] and second[1] != first[1]


def test_what_it_requires_is_known_in_a_checkout_too(folder: Path) -> None:
    assert library.requirements(NAME) == ()
    library.requirements.cache_clear()
    write_project(folder)
    assert library.requirements(NAME) == ("numpy", "tqdm>=4")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: write_project(folder, backend="no_such_backend"),
         f"The wheel of {NAME} cannot be built, because its build needs no_such_backend: "
         "run `pip install 'no_such_backend'`."),
        (lambda folder: (folder / "pyproject.toml").write_text(
            PROJECT.format(backend="hatchling", name=NAME).replace('"1.0"', '"not a version"')),
         rf"The wheel of {NAME} could not be built from .*: \S+"),
        (lambda folder: None, f"No wheel of {NAME} can be made"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_said_in_a_sentence(folder: Path, change, sentence: str) -> None:
    change(folder)
    with pytest.raises(CourseError, match=sentence):
        library.make_wheel(NAME)
