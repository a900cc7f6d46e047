"""The environment: three lists that name the same packages, and a Python that is new enough."""

import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for, the build's own tools included."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        pyproject = tomllib.load(file)
    project = pyproject["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        pyproject["build-system"]["requires"],
    ]
    everything = [Requirement(line) for lines in lists for line in lines]
    return [requirement for requirement in everything if requirement.name != project["name"]]


def pinned() -> dict[str, str]:
    """The versions of constraints.txt, each of which is exact."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert pins == sorted(set(pins), key=lambda pin: pin.split("=="))
    return dict(pin.split("==") for pin in pins)


def conda_list() -> list[str | dict[str, list[str]]]:
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def test_each_dependency_is_pinned_within_its_range() -> None:
    pins = pinned()
    for requirement in wanted():
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


def test_conda_gets_the_same_versions() -> None:
    [pip] = [entry["pip"] for entry in conda_list() if isinstance(entry, dict)]
    assert pip[:2] == ["--constraint constraints.txt", "--editable .[course,dev]"]
    names = {canonicalize_name(requirement.name) for requirement in wanted()}
    pins = pinned()
    assert pip[2:] == [f"{name}=={pins[name]}" for name in sorted(names)]


def test_conda_gets_the_python_that_the_package_asks_for() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["requires-python"] == ">=3.11"
    assert "python=3.11" in conda_list()


def test_the_packages_builds_ask_for_no_more_than_the_repositorys() -> None:
    """Their dependencies are read from its lists; tests/lmlib/test_build_hook.py looks at them."""
    whole, *parts = (
        tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["build-system"]
        for folder in (".", "lmlib", "nbjudge")
    )
    for part in parts:
        assert part["build-backend"] == whole["build-backend"]
        assert set(part["requires"]) <= set(whole["requires"])


def test_students_get_no_torch() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert not any(line.startswith("torch") for line in project["dependencies"])


def test_the_pins_work_with_the_oldest_python_in_use() -> None:
    """Debian 12 has Python 3.11.2; a package may ask for a newer 3.11."""
    for name, version in pinned().items():
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        if installed.version.split("+")[0] == version:
            asked = installed.metadata["Requires-Python"] or ""
            assert SpecifierSet(asked).contains("3.11.2"), f"{name} {version} asks for {asked}"


def test_whatever_the_pinned_packages_ask_for_is_pinned_too() -> None:
    """Installed packages are followed from the direct ones, as pip follows them."""
    pins = pinned()
    todo = {(canonicalize_name(r.name), frozenset(r.extras)) for r in wanted()}
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo - seen:
        name, extras = (todo - seen).pop()
        seen.add((name, extras))
        assert name in pins, f"{name} is missing from constraints.txt"
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # a part of PyTorch's GPU build, on a machine without
            continue
        for line in lines:
            requirement = Requirement(line)
            conditions = [{"extra": extra} for extra in (*extras, "")]
            if requirement.marker is None or any(map(requirement.marker.evaluate, conditions)):
                todo.add((canonicalize_name(requirement.name), frozenset(requirement.extras)))


def test_a_python_that_is_too_old_is_said_in_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    (tmp_path / "bin" / "cat").symlink_to("/bin/cat")
    done = subprocess.run(
        ["/bin/sh", str(ROOT / ".ci" / "setup"), "ready"],
        cwd=tmp_path, env={"PATH": str(tmp_path / "bin")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr and "Python 3.9.2" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"bin"}
