"""The student command `lmlib submit`, which packs the notebook and a run's files into a zip."""

import argparse
import sys
from pathlib import Path

from lmlib import experiments

WHAT = "Pack the notebook and the files of a run for submission."
EXAMPLE = "lmlib submit 2026-11-02_1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("which", nargs="?", metavar="RUN", help="the run's name, or its folder")
    parser.add_argument("--list", action="store_true", help="show the runs, best first")
    parser.add_argument("--notebook", type=Path, help="default: the only notebook in this folder")


def pack(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0 if it succeeded, 1 after a message that says why not."""
    if options.list:
        _list()
        return 0
    try:
        if options.which is None:
            raise experiments.RunError("Which run? `lmlib submit --list` shows them.")
        run = Path(options.which)
        run = run if run.is_dir() else experiments.FOLDER / options.which
        packed = experiments.hand_in(run, options.notebook or _notebook())
    except experiments.RunError as error:
        print(f"lmlib submit: {error}", file=sys.stderr)
        return 1
    print(f"{packed} contains the notebook and the files of {run.name}: hand it in.")
    return 0


def _notebook() -> Path:
    found = sorted(Path.cwd().glob("*.ipynb"))
    if len(found) != 1:
        raise experiments.RunError(
            f"There are {len(found)} notebooks in this folder; say which with --notebook."
        )
    return found[0]


def _list() -> None:
    found = experiments.runs()
    if not found:
        print(f"There are no runs in {experiments.FOLDER}/ yet.")
    for name, figures in found:
        shown = ", ".join(f"{what} {value:.3f}" for what, value in figures.items())
        print(f"{name:<24}{shown or 'no figures yet'}")
