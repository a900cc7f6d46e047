"""The second problem set is built, and audited against its known mistakes and its alternates."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = "ps2_numpy_transformer"


def test_every_mistake_is_caught_and_every_alternate_kept(tmp_path: Path) -> None:
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for place in (f"source/{NAME}", f"tests/alternates/{NAME}"):
        shutil.copytree(ROOT / place, tmp_path / place)
    (tmp_path / "mistakes").mkdir()
    shutil.copy(ROOT / "mistakes" / f"{NAME}.toml", tmp_path / "mistakes")
    for word in ("build", "audit"):
        command = [sys.executable, "-m", "lmlib", word, NAME]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    numbers = re.fullmatch(
        r"audit: mistakes (\d+)/(\d+) caught, (\d+) named; alternates (\d+)/(\d+) kept",
        done.stdout.splitlines()[-1],
    )
    assert numbers, done.stdout
    caught, mistakes, named, kept, tried = map(int, numbers.groups())
    assert caught == mistakes >= 22 and named >= 0.9 * mistakes
    assert kept == tried >= 16
