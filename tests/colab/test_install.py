"""`pip install lmlib` where other packages are: it replaces none of them, PyTorch least of all."""

import json
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbjudge.core import library
from nbjudge.core.course import Course
from tests import environments


def brought_along(*extras: str) -> set[str]:
    """All that lmlib asks for, and what that asks for, and so on."""
    todo = {("lmlib", extra) for extra in ("", *extras)}
    seen: set[tuple[str, str]] = set()
    while todo - seen:
        package, wanted = (todo - seen).pop()
        seen.add((package, wanted))
        for line in (
            library.requirements("lmlib") if package == "lmlib" else requires(package) or []
        ):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                asked = canonicalize_name(requirement.name)
                todo |= {(asked, extra) for extra in ("", *requirement.extras)}
    return {package for package, _ in seen} - {"lmlib"}


@pytest.mark.parametrize("extras", [(), ("pdf",)])
def test_nothing_that_lmlib_brings_along_asks_for_torch(extras: tuple[str, ...]) -> None:
    packages = brought_along(*extras)
    assert "numpy" in packages and "jedi" in packages
    assert not [name for name in packages if name.startswith(("torch", "nvidia", "cuda", "triton"))]
    assert "torch" in brought_along("torch")


def test_the_extra_torch_is_content_with_any_later_version() -> None:
    asked = map(Requirement, library.requirements("lmlib"))
    [range_] = [line.specifier for line in asked if line.name == "torch"]
    assert {part.operator for part in range_} == {">="}
    for version in ("2.2.0", "2.6.0+cu124", "2.11.0+cu128", "2.14.1+cu130", "3.0.0"):
        assert range_.contains(version)


def with_torch(runtime: Path, folder: Path, version: str) -> Path:
    """Colab's environment, as if it had another version of PyTorch; its Python."""
    python = environments.on_top_of(runtime, folder)
    about = environments.site_packages(python) / f"torch-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    (about / "INSTALLER").write_text("pip\n")
    (about / "RECORD").write_text("")
    return python


@pytest.mark.parametrize("version", ["2.2.0", "2.11.0+cu128", "2.14.1+cu130"])
@pytest.mark.parametrize("extra", ["", "[torch]"])
def test_pip_would_replace_nothing_of_colabs(
    served: Course, runtime: Path, tmp_path: Path, version: str, extra: str
) -> None:
    python = with_torch(runtime, tmp_path / "environment", version)
    assert environments.installed(python)["torch"] == version
    name, _ = library.make_wheel("lmlib")
    wheel = f"lmlib{extra} @ {served.release_address}/{name}"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", wheel],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    would = {entry["metadata"]["name"] for entry in json.loads(done.stdout)["install"]}
    assert would == {"lmlib", "jedi"}
