"""The lowest versions that pyproject.toml allows work, for students and for those who grade.

`make lowest` runs everything here; `make test` a few tests of what students install.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests import environments

ROOT = Path(__file__).parents[1]
AS_OF = "2026-11-25T00:00:00Z"  # of what the direct packages ask for, the newest of that day
ALL = "NBJUDGE_LOWEST"
"""The environment variable that `make lowest` sets."""

TOOLS = ["filelock", "hypothesis", "packaging", "playwright", "pytest"]
A_FEW = [f"tests/lmlib/test_{name}.py" for name in ("checks", "tokenizers", "weights", "widgets")]
NOT_FOR_STUDENTS = ["build_hook", "pretraining", "pretraining_transformer"]
GRADING = [
    *(f"tests/nbjudge/test_{name}.py" for name in ("evidence", "feedback", "grade", "judge")),
    "tests/notebooks/test_ps1.py",
]


def pins(*names: str) -> list[str]:
    """The lines of constraints.txt for these packages."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line.partition("==")[0] in names]


def lowest(folder: Path, extra: str, *tools: str) -> Path:
    """An environment with the lowest versions of the package and one extra; its Python."""
    python = environments.new(
        folder, "--resolution", "lowest-direct", "--exclude-newer", AS_OF,
        "-r", ROOT / "pyproject.toml", "--extra", extra, *pins(*tools),
    )  # fmt: skip
    environments.link_torch(python)
    return python


def passes(python: Path, *words: str) -> None:
    """Run tests in another environment; all of them must pass."""
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    environment["CI"] = "true"  # Hypothesis' profile without deadlines: the course's is not loaded
    done = subprocess.run(
        [python, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *words], cwd=ROOT,
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.slow
def test_what_students_install_works_with_the_lowest_versions(tmp_path: Path) -> None:
    python = lowest(tmp_path / "students", "pdf", *TOOLS, "ipykernel", "nbclient", "nbformat")
    environments.uv("pip", "install", "--python", python, "--no-deps", "-e", ROOT)
    versions = environments.installed(python)
    assert versions["ipython"].startswith("7.34.") and versions["ipywidgets"].startswith("7.7.")
    chosen = A_FEW
    if os.environ.get(ALL):
        chosen = ["tests/lmlib"]
        chosen += [f"--ignore=tests/lmlib/test_{name}.py" for name in NOT_FOR_STUDENTS]
    passes(python, "--confcutdir=tests/lmlib", *chosen)


@pytest.mark.skipif(not os.environ.get(ALL), reason="takes minutes: make lowest")
def test_grading_works_with_the_lowest_versions(tmp_path: Path) -> None:
    python = lowest(tmp_path / "graders", "course", *TOOLS, "editables")
    environments.uv(
        "pip", "install", "--python", python, "--no-deps", "--no-build-isolation", "-e", ROOT
    )
    passes(python, *GRADING)
