"""`make release` in a clone: one command that makes all of a release, or nothing."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AUTHOR = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), **AUTHOR}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def git(folder: Path, *words: str) -> str:
    done = run(folder, "git", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of what a release is made of, as it is in this checkout."""
    folder = tmp_path / "a clone"
    left_out = shutil.ignore_patterns("__pycache__", "*.safetensors", "shakespeare.txt")
    for name in ("lmlib", "nbjudge", ".ci"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    for name in ("pyproject.toml", "hatch_build.py", "LICENSE", "CITATION.cff", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n### Code\n\n- Better.\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Before")
    return folder


def release(clone: Path, version: str) -> subprocess.CompletedProcess[str]:
    return run(clone, sys.executable, ".ci/release.py", version)


def test_one_command_makes_all_of_a_release(clone: Path) -> None:
    (clone / "dist").mkdir()
    (clone / "dist" / "nbjudge-2025.1.0-py3-none-any.whl").touch()
    done = release(clone, "2031.2.0")
    assert done.returncode == 0, done.stderr
    assert "git push origin HEAD v2031.2.0" in done.stdout
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "log", "--format=%s", "v2031.2.0") == "Release 2031.2.0\nBefore\n"
    log = (clone / "CHANGELOG.md").read_text()
    assert re.search(
        r"## Unreleased\n\n## 2031\.2\.0 \(\d{4}-\d\d-\d\d\)\n\n### Code\n\n- Better", log
    )
    assert 'version = "2031.2.0"' in (clone / "pyproject.toml").read_text()
    assert "version: 2031.2.0\n" in (clone / "CITATION.cff").read_text()
    library, grader = sorted((clone / "dist").iterdir())
    assert re.fullmatch(r"lmlib-2031\.2\.0\.post\d+-py3-none-any\.whl", library.name)
    assert grader.name == "nbjudge-2031.2.0-py3-none-any.whl"
    with zipfile.ZipFile(grader) as wheel:
        assert b'__version__ = "2031.2.0"' in wheel.read("nbjudge/__init__.py")

    for again in ("2031.2.0", "2031.1.7"):
        assert "is not after it" in release(clone, again).stderr


@pytest.mark.parametrize("version", ["", "1.0", "v2031.2.0", "2031.02.0", "2031.13.0", "2031.2"])
def test_a_version_of_another_form_is_refused(clone: Path, version: str) -> None:
    done = release(clone, version)
    assert done.returncode == 1
    assert done.stderr.startswith("make release: VERSION must be year, month and a number")


def test_what_is_not_committed_is_not_released(clone: Path) -> None:
    (clone / "notes.txt").touch()
    done = release(clone, "2031.2.0")
    assert done.returncode == 1 and "not committed, notes.txt among them" in done.stderr


def test_a_release_that_changes_nothing_is_refused(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 2026.1.0\n\n- Old.\n")
    git(clone, "commit", "--quiet", "--all", "--message", "Nothing")
    done = release(clone, "2031.2.0")
    assert done.returncode == 1 and "says nothing under Unreleased" in done.stderr


def test_a_failed_build_leaves_everything_as_it_was(clone: Path) -> None:
    (clone / "hatch_build.py").write_text("raise ValueError('no build today')\n")
    git(clone, "commit", "--quiet", "--all", "--message", "Broken")
    done = release(clone, "2031.2.0")
    assert done.returncode == 1 and "nothing is released" in done.stderr
    assert "Traceback" not in done.stderr
    assert git(clone, "status", "--porcelain") == git(clone, "tag") == ""
