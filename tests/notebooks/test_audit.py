"""Each problem set is built, and audited against its known mistakes and its alternates.

The runs of mistakes are those of the build itself; `make soak` makes new ones.  The first problem
set is audited on its round trip.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = {  # mistakes, share of them that is named, alternates
    "ps2_numpy_transformer": (22, 0.9, 16),
    "ps3_architectures": (24, 0.85, 20),
    "ps4_bigram_to_transformer": (24, 0.85, 20),
    "ps6_tiny_transformer": (20, 0.85, 16),
}


@pytest.mark.parametrize("name", WANTED)
def test_every_mistake_is_caught_and_every_alternate_kept(name: str, tmp_path: Path) -> None:
    for file in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    for place in (f"source/{name}", f"tests/alternates/{name}"):
        shutil.copytree(ROOT / place, tmp_path / place)
    (tmp_path / "mistakes").mkdir()
    shutil.copy(ROOT / "mistakes" / f"{name}.toml", tmp_path / "mistakes")
    for words in (("build",), ("audit", "--kept")):
        command = [sys.executable, "-m", "lmlib", *words, name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    numbers = re.fullmatch(
        r"audit: mistakes (\d+)/(\d+) caught, (\d+) named; alternates (\d+)/(\d+) kept",
        done.stdout.splitlines()[-1],
    )
    assert numbers, done.stdout
    caught, mistakes, named, kept, tried = map(int, numbers.groups())
    least_mistakes, share_named, least_alternates = WANTED[name]
    assert caught == mistakes >= least_mistakes and named >= share_named * mistakes
    assert kept == tried >= least_alternates
