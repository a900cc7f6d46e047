"""Python environments that tests make, with other versions than the one they run in.

PyTorch is never installed into them: the one that the tests run with is linked.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

INSTALLED = """
import importlib.metadata, json
found = {}
for one in importlib.metadata.distributions():
    found.setdefault(one.name.lower().replace("_", "-"), one.version)  # the first one is imported
print(json.dumps(found))
"""


def uv(*words: str | Path) -> None:
    """Run uv, which must succeed."""
    done = subprocess.run(
        [find_uv_bin(), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def site_packages(python: Path) -> Path:
    """The folder of an environment's packages."""
    return (
        python.parents[1]
        / "lib"
        / f"python{sys.version_info[0]}.{sys.version_info[1]}"
        / ("site-packages")
    )


def new(folder: Path, *install: str | Path) -> Path:
    """A new environment in `folder`, with what `uv pip install` is told to install; its Python."""
    uv("venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    uv("pip", "install", "--python", python, *install)
    return python


def on_top_of(base: Path, folder: Path) -> Path:
    """A new, empty environment that also sees the packages of the one of `base`; its Python."""
    uv("venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    (site_packages(python) / "base.pth").write_text(f"{site_packages(base)}\n")
    return python


def installed(python: Path) -> dict[str, str]:
    """What an environment has: versions by name."""
    done = subprocess.run(
        [python, "-c", INSTALLED], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


def link_torch(python: Path) -> None:
    """Link PyTorch, and what it needs and the environment lacks, from the tests' environment."""
    there = set(installed(python))
    todo, seen = ["torch"], set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name in there | seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # a part of the GPU build, on a machine without
            continue
        _link(found, site_packages(python))
        for line in found.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)


def _link(found: Distribution, target: Path) -> None:
    source = Path(str(found.locate_file("")))
    for top in {path.parts[0] for path in found.files or [] if path.parts[0] != os.pardir}:
        if not (target / top).exists():
            (target / top).symlink_to(source / top)
