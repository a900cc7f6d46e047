"""The pages for people, as tests read them: their blocks, their prose, their commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = sorted([*(ROOT / name for name in AT_THE_TOP), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*) ?([\w./]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks of a page's `text` in one of `languages`."""
    return [block for language, _, block in FENCE.findall(text) if language in languages]


def named_blocks(text: str) -> dict[str, str]:
    """The fenced blocks of a page's `text` that have a name behind their language, by name."""
    return {name: block for _, name, block in FENCE.findall(text) if name}


def prose(page: Path) -> str:
    """`page` without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def section(page: Path, heading: str) -> str:
    """What stands below a heading of the second level of `page`, up to the next one."""
    parts = re.split(r"^## (.+)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def command_lines(text: str) -> list[str]:
    """The commands in the shell blocks of a page's `text`, as they are written."""
    lines = [line for block in blocks(text, "bash", "sh") for line in block.splitlines()]
    return [line for line in lines if shlex.split(line, comments=True)]


def commands(page: Path) -> Iterator[list[str]]:
    """The commands of `page` as words, without comments."""
    for line in command_lines(page.read_text(encoding="utf-8")):
        yield shlex.split(line, comments=True)
