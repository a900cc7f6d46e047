"""What cells show: markup, scripts, pictures, control characters, and too much of everything.

Most of it is shown by somebody whose answers are right, so that all of it reaches a page.
"""

import json

from entries import BOTH, RIGHT_SCALED, Desk, entry, honest
from small_course import cell_named

MARKUP = r"""
<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)></svg>
<iframe src="https://evil.example/"></iframe><link rel=stylesheet href=//evil.example/x.css>
<a href="javascript:alert(1)">a</a> <a href="data:text/html,<script>1</script>">b</a>
<form action=https://evil.example><input name=x></form><base href=https://evil.example/>
<meta http-equiv=refresh content="0;url=https://evil.example"><style>*{background:url(//evil)}</style>
<object data=x></object><embed src=x><video src=//evil.example autoplay></video>
[c](javascript:alert(1)) [d](JaVa&#x53;cript:alert(1)) ![e](https://evil.example/x.png)
![f](//evil.example/x.png) ![g](data:image/svg+xml;base64,PHN2Zz4=) <https://evil.example>
$\href{javascript:alert(1)}{x}$ $$\text{</math><script>alert(1)</script>}$$ </pre></code></body>
```python
</code></pre><script>alert(1)</script>
```
{{ 7 * 7 }} {% raw %} <%= 7 %> &lt;script&gt; \u202e
"""

honest(
    "output-markup",
    "Shows markup and scripts in every rich form.",
    first=f"from IPython.display import HTML, Javascript, Markdown, Latex, SVG, IFrame\n"
    f"markup = {MARKUP!r}\n"
    + """
for show in (HTML, Javascript, Markdown, Latex, SVG):
    try:
        display(show(markup))
    except Exception:
        display(show(data="<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'/>"))
display(IFrame("https://evil.example", 10, 10))
display({"text/plain": markup, "text/html": markup, "application/javascript": "alert(1)",
         "application/vnd.jupyter.widget-view+json": {"model_id": markup}}, raw=True)
print(markup)
""",
)


@entry("output-markup-in-text", "Writes markup and scripts into answers, text and comments.", BOTH)
def markup_in_text(desk: Desk) -> None:
    notebook = desk.notebook(f"# {MARKUP.splitlines()[1]}\n{RIGHT_SCALED}")
    cell_named(notebook, "answer_task").source = MARKUP
    cell_named(notebook, "task").source += MARKUP
    desk.hand_in(json.dumps(notebook))


honest(
    "output-error-markup",
    "Raises exceptions whose names, messages and traces are markup and scripts.",
    first=f"markup = {MARKUP!r}\n"
    + """
class Rendered(Exception):
    def _render_traceback_(self):
        return [markup, "\\x1b[2J"]
raise Rendered(markup)
# ---
raise type(markup, (Exception,), {"__module__": markup})(markup)
# ---
class Strange(Exception):
    def _render_traceback_(self):
        return [5, None, [markup]]
raise Strange
# ---
class Silent(Exception):
    def __str__(self):
        raise SystemExit
raise Silent
""",
)

honest(
    "output-display-of-no-kind",
    "Shows bundles whose types and values are of every wrong kind.",
    first="""
    for data in (
        {"text/plain": 5}, {"text/plain": None}, {"text/plain": ["a", 5]}, {"": ""}, {"x": "y"},
        {"image/png": "no picture"}, {"image/png": 5}, {"image/png": ["iVBOR", "w0KGgo="]},
        {"text/plain": {"a": 1}}, {"<script>": "<script>"}, {"application/json": {"a": [1]}},
        {"../../x": "x"}, {"text/html": ["<b>", 5]},
    ):
        display(data, raw=True, metadata={"image/png": {"width": "<script>"}, "x": [5]})
    """,
)

PICTURE = """
import struct, zlib
def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
def picture(width, height, bits, data):
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(
        b"IEND", b"")
"""

honest(
    "output-picture-bomb",
    "Shows small pictures that decode to gigabytes.",
    first=PICTURE
    + """
from IPython.display import Image
rows = zlib.compress(bytes(30_000 * (1 + 30_000 // 8)), 9)
display(Image(picture(30_000, 30_000, 1, rows)))
for width, height in ((2**31 - 1, 2**31 - 1), (0, 0), (1, 2**30), (4000, 2000)):
    display(Image(picture(width, height, 1, rows)))
text = zlib.compress(b"x" * 50_000_000, 9)
broken = picture(1, 1, 8, zlib.compress(b"\\0\\0"))
display(Image(broken[:33] + chunk(b"zTXt", b"Comment\\0\\0" + text) + broken[33:]))
display(Image(broken[:40]))
""",
)

honest(
    "output-many-pictures",
    "Shows two hundred pictures.",
    first=PICTURE
    + """
from IPython.display import Image
import os
for _ in range(200):
    rows = b"".join(b"\\0" + os.urandom(100) for _ in range(100))
    display(Image(picture(100, 100, 8, zlib.compress(rows))))
""",
)

honest(
    "output-control",
    "Prints control characters, sequences for terminals, and halves of surrogate pairs.",
    first="""
    print("".join(map(chr, range(32))), "\\x7f\\x9b2J\\u202e\\u2066\\ufeff\\ufffe")
    print("\\x1b[2J\\x1b]0;owned\\x07\\x1b]8;;https://evil.example\\x07x\\x1b[31m" * 100)
    print("\\x1b" * 10_000, "\\b" * 10_000, "x\\r" * 10_000)
    print("\\ud83d", "\\udc00" * 100, "\\0" * 100)
    display({"text/plain": "\\ud83d \\0 \\x1b[2J"}, raw=True)
    # ---
    raise ValueError("\\ud83d \\0 \\x1b[2J")
    """,
)

honest(
    "output-many-messages",
    "Prints a hundred thousand pieces, each of which is flushed.",
    first="for number in range(100_000):\n    print(number, flush=True)",
)

honest(
    "output-many-displays",
    "Shows thousands of displays, updates and clearings.",
    first="""
    from IPython.display import clear_output
    shown = display("x", display_id=True)
    for number in range(2000):
        shown.update(number)
        display(number, display_id=str(number % 7))
        if number % 100 == 0:
            clear_output(wait=number % 200 == 0)
    """,
)

honest(
    "output-deep",
    "Shows lists that are nested deeper than a reader's stack, in data and in metadata.",
    first="""
    import sys
    sys.setrecursionlimit(20_000)
    deep = []
    for _ in range(800):
        deep = [deep]
    display({"application/json": deep, "text/plain": "deep"}, raw=True)
    display({"text/plain": "x"}, raw=True, metadata={"deep": deep})
    # ---
    for _ in range(3000):
        deep = {"a": deep}
    display({"application/json": deep, "text/plain": "deeper"}, raw=True)
    """,
)

honest(
    "output-wide",
    "Prints one line of half a million characters, and half a million short ones.",
    first="print('x' * 500_000)\n# ---\nprint('x\\n' * 450_000)",
)
