"""Outputs of a code cell as safe HTML: text, pictures, and the last lines of an error.

Only plain text, PNG and JPEG are taken from an output. HTML, SVG, scripts and widgets are
represented by their plain text.
"""

import html
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode

from nbjudge.pages.pictures import FORMATS, Album
from nbjudge.shared.markup import printed, shortened

MOST_OUTPUTS = 30  # of one cell
LONGEST_OUTPUT = 4_000
LONGEST_ERROR = 1_000
FEW_LINES = 6  # of a traceback; of a longer one only the error itself is shown


def was_run(cell: NotebookNode) -> bool:
    """Whether the kernel ran `cell`."""
    return cell.get("execution_count") is not None


def stopped_with_an_error(cell: NotebookNode) -> bool:
    """Whether the run of `cell` ended in an exception."""
    return any(output.get("output_type") == "error" for output in cell.get("outputs", ()))


def shown_outputs(cell: NotebookNode, album: Album) -> tuple[Markup, ...]:
    """The outputs of `cell` as HTML, each at a limited length."""
    outputs = list(_joined(cell.get("outputs", ())))
    shown = [_shown(output, album) for output in outputs[:MOST_OUTPUTS]]
    if len(outputs) > MOST_OUTPUTS:
        left_out = len(outputs) - MOST_OUTPUTS
        shown.append(
            Markup('<p class="left-out">{} more outputs are left out.</p>').format(left_out)
        )
    return tuple(output for output in shown if output)


def _joined(outputs: Any) -> Iterator[dict[str, Any]]:
    """The outputs, with consecutive pieces of one stream joined."""
    stream: dict[str, Any] | None = None
    for output in outputs:
        is_stream = output.get("output_type") == "stream"
        if is_stream and stream and stream["name"] == output.get("name"):
            stream["pieces"].append(_text(output.get("text")))
            continue
        if stream:
            yield stream
        stream = None
        if is_stream:
            pieces = [_text(output.get("text"))]
            stream = {"output_type": "stream", "name": output.get("name"), "pieces": pieces}
        else:
            yield output
    if stream:
        yield stream


def _shown(output: dict[str, Any], album: Album) -> Markup:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return _block("".join(output["pieces"]), name)
    if kind == "error":
        return _block(_error(output), "error", LONGEST_ERROR)
    data = output.get("data")
    return _data(data, album) if isinstance(data, dict) else Markup("")


def _data(data: dict[str, Any], album: Album) -> Markup:
    for mime in FORMATS:
        if mime in data:
            address = album.add(mime, _text(data[mime]))
            if address:
                return Markup('<img src="{}" alt="A picture made by this cell">').format(address)
            return Markup('<p class="left-out">A picture is left out: too large, or damaged.</p>')
    return _block(_text(data.get("text/plain")), "stdout")


def _block(text: str, name: str, longest: int = LONGEST_OUTPUT) -> Markup:
    cleaned = shortened(printed(text).strip("\n"), longest)
    if not cleaned.strip():
        return Markup("")
    return Markup(f'<pre class="{name}">{html.escape(cleaned, quote=False)}</pre>')


def _error(output: dict[str, Any]) -> str:
    """An error in a few lines: the words of a visible check, otherwise its type and message."""
    lines = output.get("traceback")
    if isinstance(lines, list) and 0 < len(lines) <= FEW_LINES:
        text = "\n".join(_text(line) for line in lines)
        if text.count("\n") < FEW_LINES and "Traceback" not in text:
            return text
    return f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"


def _text(value: object) -> str:
    """A text in a notebook, which may be stored as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
