"""Digests of the code that a result depends on: what is newer is run or graded again."""

import functools
import importlib.metadata
from pathlib import Path

import lmlib
from lmlib.grading.notebooks import digest

RUNS = (
    "__init__ engine evidence key meter observe other_user plain provisioner sandbox warm "
    "inside/__init__ inside/guard inside/kernel inside/namespaces inside/seccomp inside/zygote"
).split()
"""Modules of `lmlib.grading` that decide what a notebook shows when it is run."""

GRADES = "answer_key compare intake judge submission".split()
"""Modules that decide which notebook is run for a submission, and what it earns."""


@functools.cache
def of_runs() -> str:
    """A digest of everything that a run of a notebook depends on, the notebook apart."""
    root = Path(lmlib.__file__).parent
    parts: list[bytes | str] = [_contents(root / "grading" / f"{name}.py") for name in RUNS]
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).parts
        if path.is_file() and inside[0] != "grading" and "__pycache__" not in inside:
            parts += ["/".join(inside), _contents(path)]
    return digest(*parts)


@functools.cache
def of_packages() -> str:
    """A digest of the names and versions of all that is installed beside lmlib."""
    found = importlib.metadata.distributions()
    return digest(*sorted(f"{d.metadata['Name']} {d.version}" for d in found))


@functools.cache
def of_grades() -> str:
    """A digest of everything that a grade depends on, submission and answer key apart."""
    root = Path(lmlib.__file__).parent / "grading"
    return digest(of_runs(), *(_contents(root / f"{name}.py") for name in GRADES))


def _contents(path: Path) -> bytes:
    return path.read_bytes()
