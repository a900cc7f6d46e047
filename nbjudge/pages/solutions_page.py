"""The solutions page: a problem set with the instructors' solutions, in one file without scripts.

Hidden tests, keys and mark schemes stay hidden, since the next term's students are asked the same.
"""

from dataclasses import dataclass

from markupsafe import Markup
from nbformat import NotebookNode

from nbjudge.core.notebooks import as_shown, is_answer, is_solution, is_test, solution_text
from nbjudge.pages import templates
from nbjudge.pages.pictures import Album
from nbjudge.shared import markup


@dataclass(frozen=True)
class Part:
    """One cell on the page."""

    html: Markup
    is_code: bool
    is_solution: bool


def page(source: NotebookNode, title: str) -> str:
    """The whole page, as HTML, of the instructors' notebook `source`."""
    album = Album()
    shown = [cell for cell in source.cells if not is_test(cell) and not is_answer(cell)]
    parts = [_part(cell, album) for cell in shown]
    text = templates.template("solutions").render(title=markup.plain(title)[:200], parts=parts)
    return text.strip() + "\n"


def _part(cell: NotebookNode, album: Album) -> Part:
    text = solution_text(as_shown(cell))
    if cell.cell_type == "code":
        return Part(Markup(markup.code(text)), True, is_solution(cell))
    picture = album.attached(cell.get("attachments", {}))
    return Part(Markup(markup.prose(text, picture)), False, is_solution(cell))
