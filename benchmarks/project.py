"""The project's example at equal operations: learning rate schedules.

    python benchmarks/project.py

Runs the given and solution cells of the project's notebook, except those that train, and compares
the baseline with the instructors' candidates on counted operations: mean and standard deviation
of the loss over the seeds, in nats per character.  The profile is `cpu` unless LMLIB_PROFILE says
otherwise.  Every run is logged, so an interrupted command can be resumed.
"""

import argparse
import contextlib
import io
import os
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Compare, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flops", type=float, default=5e12, help="the budget of each run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--log", type=Path, default=Path("project_results.json"))
    options = parser.parse_args()
    os.environ.setdefault("LMLIB_PROFILE", "cpu")
    os.environ["MPLBACKEND"] = "Agg"

    from lmlib import comparison

    names = defined()
    budget = comparison.Budget(flops=options.flops)
    candidates = names["candidates"] | names["my_candidates"]()
    print(comparison.compare(candidates, names["data"], budget, options.seeds, options.log))


def defined() -> dict[str, Any]:
    """All names after the notebook's cells up to its candidates."""
    path = ROOT / "source" / "project" / "project.ipynb"
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, cell.id, "exec"), names)
            if cell.id == "my_candidates":
                break
    return names


if __name__ == "__main__":
    main()
