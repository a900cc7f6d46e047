"""`make release VERSION=...`: versions, changelog and wheels of a release, committed and tagged.

Nothing is pushed, and nothing is changed if anything is refused.
"""

import datetime
import functools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("lmlib", "nbjudge")
VERSION = re.compile(r"20\d\d\.([1-9]|1[0-2])\.(0|[1-9]\d*)")
"""Year, month, and a number that counts the month's releases from 0."""

PLACES = {
    "pyproject.toml": (r'^version = "(.+?)"', 'version = "{}"'),
    "nbjudge/__init__.py": (r'^__version__ = "(.+?)"$', '__version__ = "{}"'),
    "CITATION.cff": (r"^version: (.+)$", "version: {}"),
}
"""Where the version is written: the line, as a pattern and as it is written."""

UNRELEASED = "## Unreleased\n"


class Refused(Exception):
    """Why there is no release, in a sentence."""


def main(words: list[str]) -> int:
    """Make the release; the exit code."""
    version = words[0] if words else ""
    try:
        check(version)
        wheels = release(version, datetime.date.today())
    except Refused as error:
        print(f"make release: {error}", file=sys.stderr)
        return 1
    print(f"Version {version} is committed and tagged, and in dist/ are {' and '.join(wheels)}.")
    print(f"Look at `git show v{version}`, then publish it: git push origin HEAD v{version}")
    return 0


def check(version: str) -> None:
    """Raise Refused if there can be no release of this version now."""
    if not VERSION.fullmatch(version):
        raise Refused(
            "VERSION must be year, month and a number that counts from 0, such as "
            f"VERSION=2027.1.0, not {version!r}."
        )
    current = current_version()
    if _order(version) < _order(current) or _is_tagged(version):
        raise Refused(f"there is a version {current} already, and {version} is not after it.")
    if changed := git("status", "--porcelain"):
        raise Refused(
            f"there are changes that are not committed, {changed.splitlines()[0][3:]} among them."
        )
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    _, found, rest = log.partition(UNRELEASED)
    if not found or "- " not in rest.partition("\n## ")[0]:
        raise Refused("CHANGELOG.md says nothing under Unreleased.")


def release(version: str, today: datetime.date) -> list[str]:
    """Write the version, build the wheels, commit and tag; the names of the wheels."""
    try:
        for name, (pattern, form) in PLACES.items():
            edit(name, functools.partial(_replace_line, pattern, form.format(version)))
        edit("CITATION.cff", lambda text: _replace_line(
            r"^date-released: .+$", f"date-released: {today}", text))  # fmt: skip
        edit("CHANGELOG.md", lambda text: text.replace(
            UNRELEASED, f"{UNRELEASED}\n## {version} ({today})\n", 1))  # fmt: skip
        wheels = build()
        git("commit", "--quiet", "--all", "--message", f"Release {version}")
    except BaseException:
        git("checkout", "--quiet", "--", *PLACES, "CHANGELOG.md")
        raise
    git("tag", "--annotate", "--message", f"Version {version}", f"v{version}")
    return wheels


def build() -> list[str]:
    """Build the wheels of both packages into dist/, without those of before; their names."""
    folder = ROOT / "dist"
    for old in folder.glob("*.whl"):
        old.unlink()
    for package in PACKAGES:
        run(
            sys.executable, "-m", "build", "--wheel", "--no-isolation",
            "--outdir", str(folder), str(ROOT / package),
        )  # fmt: skip
    return sorted(path.name for path in folder.glob("*.whl"))


def current_version() -> str:
    pattern, _ = PLACES["pyproject.toml"]
    found = re.search(pattern, (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, "pyproject.toml has a version"
    return found[1]


def edit(name: str, change: Callable[[str], str]) -> None:
    """Change a file of the repository."""
    path = ROOT / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def git(*words: str) -> str:
    """What git prints.  Raises Refused if it fails."""
    return run("git", *words)


def run(*words: str) -> str:
    """What a command prints, run in the repository.  Raises Refused if it fails."""
    done = subprocess.run(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()[-1]
        raise Refused(f"`{' '.join(words[:4])} ...` failed, and nothing is released: {said}")
    return done.stdout


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _is_tagged(version: str) -> bool:
    return bool(git("tag", "--list", f"v{version}"))


def _replace_line(pattern: str, line: str, text: str) -> str:
    changed, times = re.subn(pattern, line, text, count=1, flags=re.MULTILINE)
    assert times == 1, f"one line is {pattern}"
    return changed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
