"""Notebooks on paper: the page apart from any browser, the command, and the browser's PDF."""

import base64
import io
import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lmlib import paper, pdf
from lmlib.__main__ import main

try:
    pdf.find_browser()
    HAS_BROWSER = True
except pdf.PdfError:
    HAS_BROWSER = False
needs_browser = pytest.mark.skipif(not HAS_BROWSER, reason="there is no Chromium on this machine")


def png(width: int = 40, height: int = 20) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "PNG")
    return file.getvalue()


PICTURE = base64.b64encode(png()).decode()


def markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs)}


def shown(**data: Any) -> dict[str, Any]:
    named = {name.replace("__", "/").replace("_xml", "+xml"): text for name, text in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {}}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def page(*cells: dict[str, Any], folder: Path = Path()) -> str:
    return paper.of_notebook(notebook(*cells), folder, "some-notebook")


def body(*cells: dict[str, Any], folder: Path = Path()) -> str:
    return page(*cells, folder=folder).partition("<main>")[2].partition("</main>")[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    cells = [markdown("# Title\n\n$x^2$"), code("1 + 1", stream("2\n"))]
    (tmp_path / "work.ipynb").write_text(json.dumps(notebook(*cells)))
    return tmp_path


# ---- the page


def test_cells_formulas_and_pictures_are_on_the_page() -> None:
    cells = [
        markdown(["# About $h_t$\n", "\n", "$$h_t = \\tanh(W x_t)$$"]),  # type: ignore[arg-type]
        code("def double(x):\n    return 2 * x", stream("one\n"), stream("two\n")),
        code("plot()", shown(image__png=PICTURE, text__plain="a red plot")),
    ]
    text = page(*cells)
    assert text.count("<math") == 2 and '<math display="block">' in text
    assert 'class="nf">double</span>' in text
    assert "one\ntwo</pre>" in text
    assert f'<img src="data:image/png;base64,{PICTURE}" alt="a red plot">' in text
    assert "<title>About $h_t$</title>" in text or "<title>About h_t</title>" in text


def test_an_svg_an_html_table_and_an_error_are_shown() -> None:
    table = (
        '<table style="color: red"><tr><th colspan="2">loss</th></tr><tr><td>1.5</td></tr></table>'
    )
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no",
             "traceback": ["\x1b[31mValueError\x1b[0m", "no"]}  # fmt: skip
    text = body(code("a", shown(image__svg_xml="<svg/>")), code("b", shown(text__html=table)),
                code("c", error), code("d", shown(text__latex="$\\alpha$")),
                code("e", shown(text__markdown="**bold**")))  # fmt: skip
    assert f"data:image/svg+xml;base64,{base64.b64encode(b'<svg/>').decode()}" in text
    assert '<th colspan="2">loss</th>' in text and 'style="color: red"' in text
    assert '<pre class="error">ValueError\nno</pre>' in text
    assert "<mi>α</mi>" in text and "<strong>bold</strong>" in text


def test_nothing_acts_and_nothing_is_loaded(tmp_path: Path) -> None:
    hostile = (
        '<script>alert(1)</script><img src="https://example.org/a.png"><p onclick="x()">safe</p>'
        '<b style="background: url(https://example.org/b.png)">b</b><iframe src="/etc"></iframe>'
    )
    text = body(code("a", shown(text__html=hostile)), markdown(hostile),
                markdown("![out there](https://example.org/c.png)"),
                code("b", shown(image__png='"><script>alert(2)</script>')))  # fmt: skip
    for word in ("<script", "example.org", "onclick", "iframe"):
        assert word not in text
    assert "safe" in text and "[picture: out there]" in text
    policy = re.search(r'Policy" content="([^"]*)"', page(markdown("x")))
    assert policy and policy[1].startswith("default-src 'none'") and "https" not in policy[1]


def test_a_picture_is_found_in_the_cell_and_beside_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "my plot.png").write_bytes(png())
    (tmp_path / "secret.txt").write_text("not a picture")
    attached = {"a.png": {"image/png": PICTURE}}
    text = body(markdown("![one](attachment:a.png)", attachments=attached),
                markdown("![two](my%20plot.png) ![three](secret.txt) ![four](gone.png)"),
                folder=tmp_path)  # fmt: skip
    assert text.count(f"data:image/png;base64,{PICTURE}") == 2
    assert "[picture: three]" in text and "[picture: four]" in text


def test_what_is_folded_is_open_and_what_was_overwritten_is_gone() -> None:
    hint = "<details><summary>Hint</summary>\n\nLook again.\n\n</details>"
    text = body(markdown(hint), code("a", stream("step 1\rstep 2\n", "stderr")))
    assert "<details open>" in text and "Look again." in text
    assert "step 2" in text and "step 1" not in text
    assert body(code("a", shown(text__plain="mine, seed 0:  40%|####  | 0:12"))).count("<pre") == 1


def test_short_cells_are_kept_on_one_page_and_long_ones_are_not() -> None:
    short, long = code("x = 1\n" * 5), code("x = 1\n" * 60)
    assert 'class="cell together"' in body(short) and "together" not in body(long)
    picture = shown(image__png=PICTURE)
    assert body(code("x = 1\n" * 20, picture)).count("together") == 1, "the code alone"
    table = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 20
    assert 'class="cell together"' in body(code("a", shown(text__markdown=table)))


def test_a_page_does_not_end_after_what_leads_to_more() -> None:
    text = body(markdown("**A model answer**\n\nThat is so:\n\n- one\n\nAn end. **bold** end."))
    assert re.findall(r'<p class="leads">(.*?)</p>', text) == [
        "<strong>A model answer</strong>",
        "That is so:",
    ]


def test_an_output_without_end_is_cut_in_its_middle() -> None:
    text = body(code("a", stream("x" * 100_000)))
    assert "characters are left out here" in text and len(text) < 40_000


# ---- a report


def test_a_report_has_figures_with_captions(tmp_path: Path) -> None:
    (tmp_path / "losses.png").write_bytes(png())
    source = "# A title\n\nAda and Alan\n\n## Abstract\n\n![Losses, $n = 3$.](losses.png)\n"
    (tmp_path / "report.md").write_text(source)
    text = paper.read(tmp_path / "report.md")
    assert "<figure><img " in text
    assert re.search(r"<figcaption>Losses, <span.*<mi>n</mi>.*</figcaption></figure>", text)
    assert '<body class="report">' in text and "<title>A title</title>" in text


# ---- what cannot be read


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("gone.ipynb", None, "There is no file"),
        ("cut.ipynb", b'{"cells": [', "not a notebook: it is not JSON"),
        ("other.ipynb", b'{"a": 1}', "not a notebook of Jupyter's format 4"),
        ("list.ipynb", b"[1, 2]", "not a notebook of Jupyter's format 4"),
        ("cells.ipynb", b'{"cells": [{"cell_type": "code"}]}', "not a notebook of Jupyter's"),
        ("old.ipynb", b'{"worksheets": [], "nbformat": 3}', "not a notebook of Jupyter's format 4"),
        ("binary.ipynb", b"\x89PNG\xff\xfe", "neither a notebook nor a Markdown report"),
    ],
)
def test_what_is_no_notebook_is_said_in_a_sentence(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    sentence: str,
) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    assert main(["pdf", name]) == 1
    said = capsys.readouterr().err
    assert sentence in said and name in said and said.count("\n") == 1
    assert not (folder / name).with_suffix(".pdf").exists()


def test_a_folder_is_no_notebook(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pdf", "."]) == 1
    assert "cannot be read (Is a directory)" in capsys.readouterr().err


# ---- the browser


def browser(folder: Path, script: str) -> str:
    """A program in the browser's place; $out is where the PDF is wanted."""
    path = folder / "browser"
    find = 'for word; do case "$word" in --print-to-pdf=*) out="${word#*=}";; esac; done'
    path.write_text(f"#!/bin/sh\n{find}\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_a_browser_a_sentence_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(pdf.BROWSER, raising=False)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(pdf, "PLACES", ())
    assert main(["pdf", "work.ipynb"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("lmlib pdf: Printing a PDF needs Chromium, Chrome or Edge")
    assert pdf.BROWSER in said and said.count("\n") == 1


def test_a_named_browser_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(pdf.BROWSER, "/nowhere/chromium")
    assert main(["pdf", "work.ipynb"]) == 1
    assert "LMLIB_BROWSER is '/nowhere/chromium'" in capsys.readouterr().err


def test_the_pdf_is_counted_and_lands_where_it_is_wanted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = "/Type /Pages /Type /Page /Type /Page"
    monkeypatch.setenv(pdf.BROWSER, browser(folder, f'printf "{pages}" > "$out"'))
    assert main(["pdf", "work.ipynb"]) == 0
    assert capsys.readouterr().out == "work.pdf: 2 pages\n"
    assert main(["pdf", "work.ipynb", "-o", "other.pdf"]) == 0
    assert (folder / "other.pdf").read_text() == (folder / "work.pdf").read_text() == pages
    names = {path.name for path in folder.iterdir()}
    assert names == {"browser", "work.ipynb", "work.pdf", "other.pdf"}, "nothing is left behind"


@pytest.mark.parametrize("script", ["echo out of memory >&2; exit 3", "echo out of memory"])
def test_a_browser_that_fails_leaves_the_old_pdf(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str
) -> None:
    (folder / "work.pdf").write_text("the old one")
    monkeypatch.setenv(pdf.BROWSER, browser(folder, script))
    assert main(["pdf", "work.ipynb"]) == 1
    assert "could not print the page" in (said := capsys.readouterr().err)
    assert "out of memory" in said
    assert (folder / "work.pdf").read_text() == "the old one"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [("nowhere/a.pdf", "cannot be written (No such file"), (".", "is a folder; name a file")],
)
def test_a_target_that_cannot_be_written(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    target: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(pdf.BROWSER, browser(folder, "exit 9"))
    assert main(["pdf", "work.ipynb", "-o", target]) == 1
    assert sentence in (said := capsys.readouterr().err) and said.count("\n") == 1


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_needs_nothing_of_the_graders(folder: Path) -> None:
    """Of the extra `course`, what the extra `pdf` does not hold is hidden here."""
    hidden = "rich nbgrader nbformat nbconvert jinja2 markupsafe PIL psutil".split()
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"
        "sys.argv = ['lmlib', 'pdf', 'work.ipynb']\n"
        f"import os; os.environ['{pdf.BROWSER}'] = {browser(folder, ': > $out')!r}\n"
        "from lmlib.__main__ import main; raise SystemExit(main())"
    )
    done = run(program, folder)
    assert done.returncode == 0, done.stderr


def test_without_its_extra_a_sentence_names_it(folder: Path) -> None:
    program = (
        "import sys; sys.modules['nh3'] = None\n"
        "sys.argv = ['lmlib', 'pdf', 'work.ipynb']\n"
        "from lmlib.__main__ import main; raise SystemExit(main())"
    )
    done = run(program, folder)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "lmlib's extra `pdf` is not installed (there is no nh3)" in done.stderr


WIDE = [
    markdown("|".join(["column"] * 40) + "\n" + "|".join(["---"] * 40) + "\n" + "|1.234" * 40),
    markdown("$$" + " + ".join(f"x_{{{number}}}" for number in range(80)) + "$$"),
    markdown("- a list\n\n  | a | b |\n  |---|---|\n  | " + "m" * 150 + " | n |"),
    code("a" * 400 + "  # the end", stream("b" * 400)),
    code("plot()", shown(image__png=base64.b64encode(png(3000, 900)).decode())),
    code("plot()", shown(image__png=base64.b64encode(png(300, 3000)).decode())),
]


@needs_browser
def test_nothing_is_cut_off_at_the_right(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    (folder / "wide.html").write_text(page(*WIDE))
    measure = """() => {
        const main = document.querySelector("main").getBoundingClientRect();
        const inside = [...document.querySelectorAll("main *")].map(
            (element) => element.getBoundingClientRect());
        return [main.width, main.right, ...inside.map((box) => box.right)];
    }"""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=pdf.find_browser())
        view = chromium.new_page()
        view.goto((folder / "wide.html").as_uri())
        view.emulate_media(media="print")
        width, right, *others = view.evaluate(measure)
        chromium.close()
    assert width == pytest.approx(176 / 25.4 * 96, abs=1), "A4 without its margins"
    assert max(others) <= right + 1


@needs_browser
def test_a_real_browser_prints_on_a4(folder: Path) -> None:
    (folder / "wide.ipynb").write_text(json.dumps(notebook(*WIDE)))
    pages = pdf.write(folder / "wide.ipynb", folder / "wide.pdf")
    content = (folder / "wide.pdf").read_bytes()
    assert content.startswith(b"%PDF") and pages == 2, "the tall picture has a page of its own"
    width, height = map(float, re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)[0])
    assert (round(width), round(height)) == (595, 842)
