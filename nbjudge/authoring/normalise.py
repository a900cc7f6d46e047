"""Notebooks as they are kept in git: no outputs, stable cell ids, sorted keys.

    python -m nbjudge.authoring.normalise [NOTEBOOK ...]          rewrite them
    python -m nbjudge.authoring.normalise --check [NOTEBOOK ...]  only say which would change
    python -m nbjudge.authoring.normalise --text NOTEBOOK         as plain text, for `git diff`

Without a name, they apply to every notebook in source/.
"""

import argparse
import itertools
import re
import sys
from pathlib import Path

from nbformat import NotebookNode

from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import (
    METADATA_KEY,
    grade_id,
    is_answer,
    is_task,
    notebook_text,
    read_notebook,
)

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_METADATA = {"nbgrader", "tags", METADATA_KEY}
"""The metadata that a cell keeps; the rest is an editor's state."""


def normalised(notebook: NotebookNode) -> NotebookNode:
    """`notebook` without outputs, editor state and unstable ids; changed in place and returned.

    A cell's id is its grade_id if it has one.  An id that an editor drew at random stays: it is
    stable from then on, and inserting a cell shifts no other.  An empty answer below a task gets
    the id that marks it as one, because JupyterLab has no field for it.
    """
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = type(notebook.metadata)(kernelspec=KERNELSPEC)
    for task, below in itertools.pairwise(notebook.cells):
        if is_task(task) and below.source.strip() == "YOUR ANSWER HERE" and not is_answer(below):
            below["id"] = f"answer_{(grade_id(task) or '').removeprefix('task_')}"
    taken: set[str] = set()
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = _free_id(grade_id(cell) or cell.get("id") or f"cell-{number}", taken)
        cell.metadata = type(cell.metadata)(
            {name: value for name, value in cell.metadata.items() if name in CELL_METADATA}
        )
        cell.source = "\n".join(line.rstrip() for line in cell.source.split("\n")).strip("\n")
        if not cell.get("attachments"):
            cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _free_id(wanted: str, taken: set[str]) -> str:
    wanted = re.sub(r"[^a-zA-Z0-9_-]", "-", wanted)[:60]
    found, number = wanted, 2
    while found in taken:
        found, number = f"{wanted}-{number}", number + 1
    taken.add(found)
    return found


def as_text(notebook: NotebookNode) -> str:
    """`notebook` as text that reads well in a diff: ids, points and sources."""
    pieces = []
    for cell in notebook.cells:
        points = cell.metadata.get("nbgrader", {}).get("points")
        worth = f" ({points:g} points)" if points else ""
        pieces.append(f"# --- {cell.cell_type} {cell.get('id', '')}{worth}\n{cell.source}\n")
    return "\n".join(pieces)


def main(arguments: list[str] | None = None) -> int:
    """The command line above; 1 if --check found something, 2 for a usage error."""
    parser = argparse.ArgumentParser(prog="python -m nbjudge.authoring.normalise")
    parser.add_argument("--check", action="store_true", help="only name what would change")
    parser.add_argument("--text", action="store_true", help="print the notebook as plain text")
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    notebooks = options.notebooks or sorted(Path("source").glob("*/*.ipynb"))
    unclean = 0
    for path in notebooks:
        try:
            notebook = read_notebook(path)
            if options.text:
                print(as_text(notebook))
                continue
            text = notebook_text(normalised(notebook))
            if text == path.read_text(encoding="utf-8"):
                continue
            unclean += 1
            if options.check:
                print(f"{path} is not in the form kept in git; run `make format`.", file=sys.stderr)
            else:
                write_text(path, text)
                print(f"{path} normalised", file=sys.stderr)
        except CourseError as error:
            print(error, file=sys.stderr)
            return 1
    return 1 if unclean and options.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
