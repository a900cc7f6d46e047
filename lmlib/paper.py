"""A notebook or a Markdown report as one HTML page that a browser prints on A4 paper.

The page is self-contained: pictures as `data:` addresses, formulas as MathML, highlighted code.
It loads nothing.  The page's only script shrinks what is too wide for the paper; no other script
may run.  Needs lmlib's extra `pdf`.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nh3

from lmlib.shared import markup
from lmlib.shared.formulas import mathml

Json = dict[str, Any]

STYLE = Path(__file__).parent / "paper.css"
LONGEST_OUTPUT = 30_000  # characters of one output: about eight pages
LARGEST_PICTURE = 50_000_000  # bytes
SHORT = 32  # maximum number of lines that are kept on one page
PICTURE_LINES = 20  # what a picture counts as

SCRIPT = """\
const right = (element) => element.getBoundingClientRect().right;
for (const wide of document.querySelectorAll("table, math[display=block]"))
  for (let zoom = 1; zoom > 0.1 && right(wide) > right(document.querySelector("main"));)
    wide.style.zoom = zoom *= 0.97;
"""
SCRIPT_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; " \
         f"script-src 'sha256-{SCRIPT_HASH}'"  # fmt: skip

BEGINNINGS = {  # of picture files
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}
PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif", "image/webp")
PICTURE_ADDRESS = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,][^\"'<>]*")
PROGRESS = re.compile(r"[^|\n]*\d%\|")  # a bar, whose widget cannot move on paper
STYLES = re.compile(r"(?!.*(url|position|\\|@))[^<>]{0,1000}", re.IGNORECASE | re.DOTALL)


class Unreadable(Exception):
    """A file to be printed that cannot be read. The message is a sentence that says why."""


def read(path: Path) -> str:
    """The HTML page of a notebook (.ipynb) or a report (.md).

    Raises Unreadable if there is no such file or it is neither.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise Unreadable(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is neither a notebook nor a Markdown report.") from None
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}).") from None
    if path.suffix.lower() in (".md", ".markdown"):
        return of_report(text, path.parent, path.stem)
    try:
        return of_notebook(json.loads(text), path.parent, path.stem)
    except (ValueError, RecursionError):
        raise Unreadable(f"{path} is not a notebook: it is not JSON, or is cut off.") from None
    except (AttributeError, KeyError, TypeError):
        raise Unreadable(f"{path} is not a notebook of Jupyter's format 4.") from None


def of_notebook(notebook: Json, folder: Path, name: str) -> str:
    """The page of a notebook in format 4, whose pictures are in `folder`.

    Raises KeyError, TypeError or AttributeError if it is not such a notebook.
    """
    cells = notebook["cells"]
    titles = (_first_heading(cell) for cell in cells if cell["cell_type"] == "markdown")
    body = "\n".join(_cell(cell, folder) for cell in cells)
    return _page(body, next(filter(None, titles), name), "notebook")


def of_report(text: str, folder: Path, name: str) -> str:
    """The page of a Markdown report, in the style of a conference paper.

    A picture in a paragraph of its own becomes a figure, with its alt text as the caption.
    """
    title = next(iter(markup.headings(text)), name)
    body = _on_paper(markup.prose(text, _pictures(folder, {})))
    body = re.sub(r'<p>(<img src="[^"]*" alt="([^"]*)">)</p>', _figure, body)
    return _page(body, title, "report")


def _figure(picture: re.Match[str]) -> str:
    caption = markup.prose(html.unescape(picture[2]), lambda _: None).strip()
    caption = caption.removeprefix("<p>").removesuffix("</p>")
    return f"<figure>{picture[1]}<figcaption>{caption}</figcaption></figure>"


def _page(body: str, title: str, kind: str) -> str:
    style = STYLE.read_text(encoding="utf-8")
    title = html.escape(title)
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>
{style}
@page {{ @bottom-left {{ content: {_css_text(title)} }} }}
</style>
</head>
<body class="{kind}">
<main>
{body}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _first_heading(cell: Json) -> str:
    return next(iter(markup.headings(_text(cell["source"]))), "")


def _cell(cell: Json, folder: Path) -> str:
    source = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        return _on_paper(markup.prose(source, _pictures(folder, cell.get("attachments", {}))))
    outputs = [_output(output, folder) for output in _joined(cell.get("outputs", []))]
    shown = "".join(f"{output}\n" for output in outputs if output)
    if not source.strip() and not shown:
        return ""
    inside = markup.code(source) if cell["cell_type"] == "code" else html.escape(source)
    flat = re.sub(
        r"<table.*?</table>", lambda table: "\n" * table[0].count("<tr"), shown, flags=re.S
    )
    lines = source.count("\n") + flat.count("\n") + PICTURE_LINES * shown.count("<img")
    shown = shown and f'<div class="outputs">\n{shown}</div>'
    code = f'<pre class="code{_kept(source.count(chr(10)))}"><code>{inside}</code></pre>'
    return f'<div class="cell{_kept(lines)}">{code}{shown}</div>'


def _kept(lines: int) -> str:
    """The CSS class of blocks that are short enough to be kept on one page."""
    return " together" if lines <= SHORT else ""


def _joined(outputs: list[Json]) -> Iterator[Json]:
    """The outputs, with consecutive pieces of one stream joined."""
    stream: Json = {}
    for output in outputs:
        if output["output_type"] == "stream" and stream.get("name") == output["name"]:
            stream["text"] += _text(output["text"])
            continue
        if stream:
            yield stream
            stream = {}
        if output["output_type"] == "stream":
            stream = {**output, "text": _text(output["text"])}
        else:
            yield output
    if stream:
        yield stream


def _output(output: Json, folder: Path) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return _block(output["text"], "stderr" if output["name"] == "stderr" else "stdout")
    if kind == "error":
        lines = output.get("traceback") or [f"{output['ename']}: {output['evalue']}"]
        return _block("\n".join(map(_text, lines)), "error")
    data: Mapping[str, Any] = output["data"]
    for mime in PICTURES:
        if mime in data and (address := _address(mime, _text(data[mime]))):
            words = html.escape(_text(data.get("text/plain", "")))
            return f'<img src="{address}" alt="{words}">'
    if "text/html" in data and (cleaned := _cleaned(_text(data["text/html"]))).strip():
        return f"<div>{cleaned}</div>"
    if "text/markdown" in data:
        return _on_paper(markup.prose(_text(data["text/markdown"]), _pictures(folder, {})))
    if "text/latex" in data:
        formula = _text(data["text/latex"]).strip().strip("$")
        return f"<p>{mathml(formula.removeprefix('displaystyle'), block=True)}</p>"
    text = _text(data.get("text/plain", ""))
    return "" if PROGRESS.match(text) else _block(text, "stdout")


def _block(text: str, name: str) -> str:
    cleaned = markup.shortened(markup.printed(text).strip("\n"), LONGEST_OUTPUT)
    if not cleaned.strip():
        return ""
    return f'<pre class="{name}">{html.escape(cleaned, quote=False)}</pre>'


def _cleaned(text: str) -> str:
    """An output's HTML, reduced to what only displays: nothing that acts or loads."""
    return nh3.clean(
        text,
        tags=set(markup.ELEMENTS) | {"caption", "div", "h1", "h2", "img", "section"},
        attributes={"*": {"style"}, "img": {"src", "alt"}, "td": _SPANS, "th": _SPANS},
        attribute_filter=_allowed_value,
        url_schemes={"data"},
    )


_SPANS = {"colspan", "rowspan"}


def _allowed_value(element: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        return value if PICTURE_ADDRESS.fullmatch(value) else None
    if attribute == "style":
        return value if STYLES.fullmatch(value) else None
    return value


def _pictures(folder: Path, attachments: Mapping[str, Mapping[str, Any]]) -> markup.Picture:
    """A function that finds the `data:` address of a cell's attachment or a picture in `folder`."""

    def picture(address: str) -> str | None:
        if address.startswith("data:"):
            return address if PICTURE_ADDRESS.fullmatch(address) else None
        name = unquote(address)
        files = attachments.get(name.removeprefix("attachment:"), {})
        for mime in PICTURES:
            if mime in files:
                return _address(mime, _text(files[mime]))
        try:
            path = folder / name
            if not path.is_file() or path.stat().st_size > LARGEST_PICTURE:
                return None
            content = path.read_bytes()
        except (OSError, ValueError):
            return None
        found = (mime for begin, mime in BEGINNINGS.items() if content.lstrip().startswith(begin))
        mime = next(found, "")
        packed = base64.b64encode(content).decode()
        return f"data:{mime};base64,{packed}" if mime else None

    return picture


def _address(mime: str, data: str) -> str:
    """The `data:` address of a notebook's picture, stored as text (SVG) or as base64."""
    if mime == "image/svg+xml":
        data = base64.b64encode(data.encode("utf-8", "replace")).decode()
    packed = "".join(data.split())
    return f"data:{mime};base64,{packed}" if re.fullmatch(r"[\w+/=]*", packed, re.ASCII) else ""


def _on_paper(prose: str) -> str:
    """The text with all details open, and no page break after a line that introduces a block."""
    prose = re.sub(r"<p>((?:(?!</p>).)*:|<strong>[^<]*</strong>)</p>", r'<p class="leads">\1</p>',
                   prose, flags=re.DOTALL)  # fmt: skip
    return prose.replace("<details>", "<details open>")


def _css_text(escaped: str) -> str:
    text = html.unescape(escaped).replace("\\", "\\\\").replace('"', '\\"').replace("<", "\\3c ")
    return f'"{text}"'


def _text(value: Any) -> str:
    """A text of a notebook, which may be a list of lines.  Raises TypeError if it is neither."""
    if isinstance(value, list):
        return "".join(value)
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of text")
    return value
