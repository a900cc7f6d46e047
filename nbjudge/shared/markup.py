"""Conversion of untrusted prose, code, and plain text to safe HTML.

Prose is Markdown, rendered and then sanitized with a list of allowed elements. Formulas, code,
and pictures are generated here; the sanitized text has unguessable placeholders for them, which
are replaced at the very end.
"""

import functools
import html
import itertools
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.python import PythonLexer

from .formulas import mathml
from .text import plain

Picture = Callable[[str], str | None]
"""Returns the `data:` address of a Markdown image's target, or None to leave it out."""

HEADING_SHIFT = 2  # the page itself has the first two levels
ELEMENTS = frozenset(
    "a b blockquote br code dd del details div dl dt em h3 h4 h5 h6 hr i kbd li ol p pre s small "
    "span strong sub summary sup table tbody td th thead tr u ul".split()
)
ATTRIBUTES = {"a": {"href"}, "td": {"style"}, "th": {"style"}, "ol": {"start"}}
VALUES = {
    "href": re.compile(r"(https?://|mailto:)[^\s\"'<>`]{1,1000}", re.IGNORECASE),
    "style": re.compile(r"text-align: ?(left|right|center);?"),
    "start": re.compile(r"\d{1,4}"),
    "rel": re.compile("noopener noreferrer"),  # what the sanitizer itself adds to links
}


def printed(text: str) -> str:
    """`text` as a terminal shows it: only the last state of an overwritten line."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return plain("\n".join(lines))


def shortened(text: str, longest: int) -> str:
    """`text`, or its beginning and its end with a note of what is left out between them."""
    if len(text) <= longest:
        return text
    head, tail = text[: longest * 3 // 4], text[-longest // 4 :]
    left_out = len(text) - len(head) - len(tail)
    return f"{head}\n… {left_out:,} characters are left out here …\n{tail}"


def code(source: str) -> str:
    """Python `source` as highlighted HTML, with the short class names of Pygments."""
    return highlight(plain(source), _LEXER, _FORMATTER)


_LEXER = PythonLexer(stripnl=False)
_FORMATTER = HtmlFormatter(nowrap=True)


def with_code_spans(sentence: str) -> str:
    """A plain sentence as HTML, with `…` as code and nothing else as markup."""
    escaped = html.escape(plain(sentence), quote=False)
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escaped)


def prose(source: str, picture: Picture) -> str:
    """Markdown `source`, with formulas between dollars, as safe HTML."""
    keep = _Kept()
    rendered = _markdown().render(plain(source), {"keep": keep, "picture": picture})
    safe = nh3.clean(
        rendered,
        tags=set(ELEMENTS),
        attributes=ATTRIBUTES,
        attribute_filter=_allowed_value,
        link_rel="noopener noreferrer",
        url_schemes={"http", "https", "mailto"},
    )
    return keep.put_back(safe)


def headings(source: str) -> list[str]:
    """The text of each heading in Markdown `source`."""
    tokens = _markdown().parse(plain(source))
    return [
        _heading_text(inside)
        for opening, inside in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    ]


def _heading_text(token: Token) -> str:
    words = (child.content for child in token.children or () if child.type != "html_inline")
    return " ".join("".join(words).split())


class _Kept:
    """Our own HTML, which the sanitizer must not see."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(12)
        self.pieces: list[str] = []

    def mark(self, piece: str) -> str:
        self.pieces.append(piece)
        return f"{self.secret}-{len(self.pieces) - 1}-"

    def put_back(self, text: str) -> str:
        return re.sub(rf"{self.secret}-(\d+)-", lambda mark: self.pieces[int(mark[1])], text)


def _allowed_value(element: str, attribute: str, value: str) -> str | None:
    # Must not raise: the sanitizer would then keep the value.
    return value if attribute in VALUES and VALUES[attribute].fullmatch(value) else None


@functools.cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    markdown.core.ruler.push("lower_headings", _lower_headings)
    for rule in ("math_inline", "math_inline_double", "math_block"):
        markdown.add_render_rule(rule, _render_formula)
    for rule in ("fence", "code_block"):
        markdown.add_render_rule(rule, _render_code)
    markdown.add_render_rule("image", _render_image)
    return markdown


def _lower_headings(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + HEADING_SHIFT)}"


def _render_formula(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> str:
    token = tokens[index]
    formula = mathml(token.content, block=token.type != "math_inline")
    mark: str = environment["keep"].mark(f'<span class="formula">{formula}</span>')
    return f"<p>{mark}</p>\n" if token.type == "math_block" else mark


def _render_code(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> str:
    token = tokens[index]
    is_python = token.info.strip().lower() in ("python", "py", "python3", "ipython3")
    inside = code(token.content) if is_python else html.escape(token.content)
    mark: str = environment["keep"].mark(f'<pre class="code"><code>{inside}</code></pre>')
    return f"<div>{mark}</div>\n"


def _render_image(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> str:
    token = tokens[index]
    words = html.escape(" ".join(token.content.split()))
    address = environment["picture"](str(token.attrs.get("src", "")))
    if address is None:
        return f"<em>[picture: {words}]</em>" if words else "<em>[picture]</em>"
    mark: str = environment["keep"].mark(f'<img src="{address}" alt="{words}">')
    return mark
