"""A released notebook as a page in Markdown: its cells, one after the other."""

import html
import re
from pathlib import Path

from nbformat import NotebookNode

from nbjudge.authoring.release import colab_link
from nbjudge.core.course import Course
from nbjudge.core.notebooks import extra_credit, is_solution, is_test, points, read_notebook


def page(course: Course, name: str, files: list[Path]) -> str:
    """The page of the released problem set `name`; `files` are those of its folder."""
    first, *cells = read_notebook(course.release(name)).cells  # the first one installs lmlib
    title, *rest = filter(None, map(_cell, cells))
    return "\n\n".join([title, _links(course, name, files), _cell(first), *rest]) + "\n"


def _links(course: Course, name: str, files: list[Path]) -> str:
    """Links to the notebook and the files next to it."""
    names = [html.escape(file.name) for file in files]
    links = [f'<a href="../release/{name}/{file}" download>{file}</a>' for file in names]
    if course.release_address:
        address = html.escape(colab_link(course.release_address, f"{name}/{name}.ipynb"))
        links.append(f'<a href="{address}">open in Colab</a>')
    return f"<p>The notebook to work in: {' · '.join(links)}</p>"


def _cell(cell: NotebookNode) -> str:
    """A cell; for a hidden test only its points."""
    if is_test(cell):
        return f"*Hidden tests: {_worth(cell)}.*"
    if cell.cell_type != "code":
        return str(cell.source)
    if not cell.source.strip():
        return ""
    longest = max(map(len, re.findall("`+", cell.source)), default=0)
    fence = "`" * max(3, longest + 1)
    label = "{.exercise}\n" if is_solution(cell) else ""
    return f"{label}{fence}ipython3\n{cell.source}\n{fence}"


def _worth(cell: NotebookNode) -> str:
    extra = extra_credit(cell)
    return f"{extra:g} points of extra credit" if extra else f"{points(cell):g} points"
