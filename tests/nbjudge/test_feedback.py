"""The page a student gets back: what it shows, what it never shows, and that it is safe to open."""

import base64
import io
import re
import struct
import time
import zlib
from html.parser import HTMLParser
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

from nbjudge.judge.verdicts import Record, Verdict
from nbjudge.pages.feedback_page import Mark, page
from nbjudge.shared.formulas import mathml
from nbjudge.shared.markup import printed, prose

TITLE = "Recurrent networks, by hand"
VERDICT = Verdict("sample_test", 5, 2.5, 3, 6, None, ("Certain text: the result is longer.",))


def given(
    source: str, *outputs: NotebookNode, prose: bool = False, **nbgrader: Any
) -> NotebookNode:
    cell = new_markdown_cell(source) if prose else new_code_cell(source, execution_count=1)
    cell.metadata.update(nbjudge={"origin": "template"}, nbgrader={"locked": True, **nbgrader})
    if not prose:
        cell.outputs = list(outputs)
    return cell


def solution(source: str, *outputs: NotebookNode, prose: bool = False) -> NotebookNode:
    return given(source, *outputs, prose=prose, locked=False, solution=True, grade_id="sample")


def students(source: str, *outputs: NotebookNode, prose: bool = False) -> NotebookNode:
    cell = given(source, *outputs, prose=prose)
    cell.metadata.update(nbjudge={"origin": "student"}, nbgrader={})
    return cell


def answer(source: str) -> NotebookNode:
    cell = new_markdown_cell(source, id="answer_1_1_2")
    cell.metadata["nbjudge"] = {"origin": "template"}
    return cell


def hidden_test(name: str = "sample_test") -> NotebookNode:
    source = "### BEGIN HIDDEN TESTS\nobserve('SECRET-INPUT', sample)\n### END HIDDEN TESTS"
    output = new_output("stream", text="SECRET-OUTPUT")
    return given(source, output, grade=True, grade_id=name, points=5)


def task(source: str = "### Why?\n\n### BEGIN MARK SCHEME\nSECRET-SCHEME\n### END MARK SCHEME"):
    return given(source, prose=True, task=True, grade_id="task_1_1_2", points=2)


def output(text: str) -> NotebookNode:
    return new_output("stream", text=text)


def error(text: str) -> NotebookNode:
    return new_output("error", ename=text, evalue=text, traceback=[text])


def shown(data: dict[str, Any]) -> NotebookNode:
    return NotebookNode(output_type="display_data", data=data, metadata={})


def feedback(
    *cells: NotebookNode, marks: list[Mark] | None = None, verdicts=(VERDICT,), **record: Any
) -> str:
    fields = {"assignment": "ps1", "student": "ada", "status": "graded", "verdicts": verdicts}
    if marks is None:
        marks = [Mark(v.grade_id, v.score, v.points, False, "") for v in verdicts]
    notebook = NotebookNode(cells=list(cells))  # as read, which is not always valid
    return page(notebook, Record(**{**fields, **record}), marks, TITLE)


class _Elements(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def elements(text: str, tag: str) -> list[dict[str, str | None]]:
    return [attributes for name, attributes in _Elements(text).found if name == tag]


def assert_harmless(text: str) -> None:
    """Nothing on the page can run, load, or send."""
    allowed_addresses = re.compile(r"#[\w-]+|https?://[^\s]+|mailto:[^\s]+")
    for tag, attributes in _Elements(text).found:
        assert tag not in {"script", "iframe", "object", "embed", "form", "input", "link", "base"}
        assert not [name for name in attributes if name.startswith("on") or name == "srcdoc"]
        if tag == "img":
            assert re.fullmatch(r"data:image/webp;base64,[\w+/=]+", attributes["src"] or "")
        if "href" in attributes:
            assert tag == "a" and allowed_addresses.fullmatch(attributes["href"] or "")


# ---- what is shown


def test_verdicts_come_first_and_each_has_its_place_in_the_folded_notebook() -> None:
    text = feedback(
        given("## Sampling", prose=True), solution("def sample(): pass"), hidden_test(),
        given("## Afterwards", prose=True),
    )  # fmt: skip
    first, _, notebook = text.partition('<details class="notebook">')
    assert "Partly right" in first and "3 of 6" in first
    reason = "the result is longer"
    assert first.count(reason) == 2 and reason not in notebook, "in the table and on its card"
    parts = ("def</span>", 'class="verdict part"', "Afterwards")
    places = [notebook.index(words) for words in parts]
    assert places == sorted(places)
    links = {a["href"][1:] for a in elements(text, "a") if a["href"].startswith("#exercise")}
    anchors = {one["id"] for tag in ("section", "p") for one in elements(text, tag) if "id" in one}
    assert len(links) == 2 and links <= anchors


def test_an_exercise_with_full_marks_has_no_card_and_its_line_leads_to_the_code() -> None:
    text = feedback(hidden_test(), marks=[Mark("sample_test", 5, 5, False, "")], verdicts=())
    assert '<section class="card' not in text
    [line] = [one for one in elements(text, "p") if one.get("class") == "verdict full"]
    assert f'<a href="#{line["id"]}">' in text


def test_a_mistake_is_told_in_its_own_sentence() -> None:
    says = "The prompt went through the network twice."
    verdict = Verdict("sample_test", 5, 2.5, 0, 6, "prompt_twice", (says,))
    text = feedback(hidden_test(), verdicts=(verdict,))
    assert says in text and "What happened" in text


@pytest.mark.parametrize(
    ("score", "words"), [(5, "Full marks"), (0.25, "Partly right"), (0, "Not right yet")]
)
def test_outcomes_are_told_in_words_and_not_by_colour_alone(score: float, words: str) -> None:
    text = feedback(hidden_test(), marks=[Mark("sample_test", score, 5, False, "")])
    assert words in text


def test_the_gradebooks_mark_counts_where_a_person_changed_it() -> None:
    text = feedback(hidden_test(), marks=[Mark("sample_test", 4.25, 5, False, "A fair point.")])
    assert "<strong>4.25</strong>" in text and "A fair point." in text


def test_a_written_answer_waits_and_the_total_says_so() -> None:
    marks = [Mark("sample_test", 2.5, 5, False, ""), Mark("task_1_1_2", 0, 2, True, "")]
    text = feedback(task(), answer("Because."), hidden_test(), marks=marks)
    assert "Waiting to be graded" in text and "of 7 points so far" in text
    assert text.index("Because.") < text.index('class="verdict waiting"')


def test_a_graders_comment_is_markdown_with_formulas_and_its_line_breaks() -> None:
    words = "It is *not* $h_t^2$.\nSee\n\n- page 4 <img src=x onerror=alert(1)>\n- `code`"
    text = feedback(task(), marks=[Mark("task_1_1_2", 1, 2, False, words)], verdicts=())
    typed = text.partition('<div class="typed">')[2].partition("</div>")[0]
    assert "<em>not</em>" in typed and "<math" in typed and "$" not in typed
    assert "<br" in typed and "<li>page 4" in typed and "<code>code</code>" in typed
    assert_harmless(text)


def test_a_graders_comment_is_shown_where_it_belongs() -> None:
    marks = [
        Mark("task_1_1_2", 1.5, 2, False, "Good.\n<script>alert(1)</script> 2 < 3"),
        Mark("no_longer_there", 0, 0, False, "See lecture 4."),
        Mark("sample", 0, 0, False, "Nice names."),
    ]
    text = feedback(task(), answer("Because."), solution("pass"), marks=marks, verdicts=())
    assert "2 &lt; 3" in text and "See lecture 4." in text and "Nice names." in text
    assert "<strong>1.5</strong>" in text and text.count('<section class="card') == 1
    assert_harmless(text)


def test_an_unanswered_task_says_so() -> None:
    text = feedback(task(), answer("YOUR ANSWER HERE"))
    assert "Your answer" in text and "Nothing is written here" in text


def test_notes_are_shown() -> None:
    assert "had been changed" in feedback(notes=("The given cell `setup` had been changed.",))


def test_a_failed_submission_gets_its_reason_and_a_way_out_and_nothing_else() -> None:
    text = feedback(
        given("GIVEN", prose=True), status="failed", reason="the notebook is not valid JSON",
        verdicts=(),
    )  # fmt: skip
    assert "The notebook is not valid JSON." in text and "What to do" in text
    assert "GIVEN" not in text and "<table" not in text


def test_errors_show_their_last_lines_only() -> None:
    long = new_output(
        "error", ename="ValueError", evalue="shapes differ",
        traceback=["Traceback (most recent call last)", "File /opt/place/of/ours.py", "x"] * 9,
    )  # fmt: skip
    text = feedback(students("1", long))
    assert "ValueError: shapes differ" in text and "/opt/place" not in text


def test_long_given_code_is_folded_and_the_students_is_not() -> None:
    lines = "\n".join(f"x{i} = {i}" for i in range(40))
    assert "Given code, 40 lines" in feedback(given(lines))
    assert '<details class="source"' not in feedback(solution(lines))


def test_the_page_says_its_language_and_heads_its_table() -> None:
    text = feedback(hidden_test())
    assert elements(text, "html") == [{"lang": "en"}]
    assert f"<title>{TITLE} – ada</title>" in text
    assert all(head.get("scope") in ("col", "row") for head in elements(text, "th"))
    assert text.startswith("<!DOCTYPE html>")


def test_names_and_texts_of_any_script_are_kept() -> None:
    text = feedback(students("Ελλάδα 你好 🌱", prose=True), student="Zoë Ångström-Łukasz 李")
    assert "Zoë Ångström-Łukasz 李" in text and "Ελλάδα 你好 🌱" in text


def test_half_characters_and_controls_do_not_stop_the_page() -> None:
    cells = (
        students("a \ud800 b", output("c \udfff d\x00\x1b]0;title\x07 \u202egnp")),
        students("\ud801", prose=True),
    )
    feedback(*cells, student="\ud800").encode("utf-8")


def test_what_is_left_out_of_a_long_output_is_told() -> None:
    text = feedback(students("x", output("first" + "." * 50_000 + "last")))
    assert "first" in text and "last" in text and "characters are left out here" in text
    assert text.count(".") < 10_000


def test_a_progress_bar_shows_its_last_state() -> None:
    assert printed("10%\r50%\r100%\nd\x1b[31mo\x1b[0mne\r\n") == "100%\ndone\n"


# ---- what is never shown


def test_hidden_regions_are_never_shown() -> None:
    text = feedback(
        solution("pass"), hidden_test(), given("### BEGIN KEY\nSECRET-KEY\n### END KEY")
    )
    assert "SECRET" not in text


def test_no_output_is_shown_from_the_first_hidden_region_on() -> None:
    leak = "seen: SECRET-INPUT"
    text = feedback(
        students("before", output("EARLY")), hidden_test(),
        students("print(seen)", output(leak)),
        solution("def sample(): ...", output(leak), shown({"text/plain": leak})),
        given("checks.equal(sample(), 1)", output(leak)),
        given("checks.that(sample())", error(leak)),
    )  # fmt: skip
    assert "EARLY" in text and "SECRET" not in text
    assert "Check passed" in text and "Check did not pass" in text


def test_a_hidden_region_in_a_cell_without_points_hides_outputs_too() -> None:
    source = "x = 1\n### BEGIN HIDDEN TESTS\nSECRET\n### END HIDDEN TESTS"
    text = feedback(given(source, output("SECRET")), students("y", output("SECRET")))
    assert "SECRET" not in text and "hidden tests begin here" in text


def test_a_student_cannot_pose_as_a_grade_cell() -> None:
    posing = students("x = 1", output("MINE"))
    posing.metadata["nbgrader"] = {"grade": True, "grade_id": "sample_test", "points": 100}
    text = feedback(posing, hidden_test())
    assert text.count('<section class="card') == 1 and "MINE" in text


def test_mark_schemes_are_never_shown() -> None:
    for source in (
        "Why?\n### BEGIN MARK SCHEME\nSECRET\n### END MARK SCHEME\nSay it in a line.",
        "Why?\n### BEGIN MARK SCHEME\nSECRET, and no end",
    ):
        text = feedback(task(source))
        assert "Why?" in text and "SECRET" not in text


def test_a_check_that_was_left_out_is_not_called_passed() -> None:
    cell = given("checks.that(True)")
    cell.execution_count = None
    assert "Not run in grading" in feedback(cell)


# ---- hostile text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](//evil.example/x)",
    "<a href='javascript:alert(1)'>a</a><a href=//evil.example>b</a><a href='file:///etc'>c</a>",
    "![remote](https://evil.example/pixel.png) <img src='https://evil.example/pixel.png'>",
    "<iframe src=https://evil.example></iframe><form action=https://evil.example><input></form>",
    "<style>main{display:none}</style><p style='position:fixed;top:0'>over</p>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--&gt;&lt;img src onerror=x'>",
    '<a title="\n\n$x$\n\n" onclick="alert(1)">x</a> <div title="\n\n$y$ onclick=alert(1)\n\n">',
    r"$\text{<script>alert(1)</script>}$ and $$\text{</math><img src=x onerror=alert(1)>}$$",
    r"$\href{javascript:alert(1)}{x}$ $\class{full}{x}$ $\unicode{x3c}$",
    '```"><script>alert(1)</script>\nx\n```\n```python\n</code></pre><script>1</script>\n```',
    '<section class="card full" id="exercise-0"><h1>Full marks</h1></section>',
    "</div></section></main><h1>out</h1>",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_markdown_is_made_harmless(source: str) -> None:
    text = feedback(students(source, prose=True), hidden_test())
    assert_harmless(text)
    assert len(elements(text, "h1")) == len(elements(text, "main")) == 1
    assert text.count('<section class="card') == 1
    assert text.count('style="') == 2  # those of the bar


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_text_elsewhere_is_only_text(source: str) -> None:
    verdict = Verdict("sample_test", 5, 0, 0, 1, None, (source,))
    text = feedback(
        students(source, output(source), error(source), shown({"text/plain": source})),
        hidden_test(),
        verdicts=(verdict,), student=source, notes=(source,),
    )  # fmt: skip
    assert_harmless(text)
    assert_harmless(feedback(status="failed", reason=source, student=source))


def test_rich_outputs_fall_back_to_their_plain_text() -> None:
    rich = shown({
        "text/html": "<b>HTML</b><script>1</script>", "image/svg+xml": "<svg onload=x>SVG</svg>",
        "application/javascript": "JS", "text/plain": "PLAIN",
    })  # fmt: skip
    text = feedback(students("x", rich))
    assert "PLAIN" in text and not re.search("HTML</b>|SVG<|JS<", text)
    assert_harmless(text)


@pytest.mark.parametrize(
    "data", [{"text/plain": 5}, {"image/png": {"a": 1}}, {"image/png": None}, {}]
)
def test_outputs_that_are_not_what_they_claim_do_not_stop_the_page(data: dict[str, Any]) -> None:
    feedback(students("x", shown(data)))


def test_links_that_stay_lead_out_safely() -> None:
    (link,) = elements(prose("[text](https://example.org/a?b=c)", lambda _: None), "a")
    assert link == {"href": "https://example.org/a?b=c", "rel": "noopener noreferrer"}


def test_a_policy_forbids_scripts_and_loading() -> None:
    metas = elements(feedback(), "meta")
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


# ---- pictures


def png(width: int = 20, height: int = 10) -> str:
    target = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode()


def noise() -> str:
    """A picture with nothing to compress."""
    target = io.BytesIO()
    Image.effect_noise((330, 330), 100).save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode()


def bomb() -> str:
    """A PNG of a kilobyte that claims 40,000 × 40,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def test_pictures_are_encoded_anew() -> None:
    text = feedback(students("plot", shown({"image/png": png(), "text/plain": "<Figure>"})))
    (picture,) = elements(text, "img")
    content = base64.b64decode(picture["src"].partition(",")[2])
    assert Image.open(io.BytesIO(content)).size == (20, 10)
    assert png() not in text and picture["alt"]


def slow_bomb() -> str:
    """A whole PNG of 10 kilobytes and 9,000 × 9,000 pixels, which Pillow alone would decode."""
    target = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode()


@pytest.mark.parametrize(
    "data", [bomb(), slow_bomb(), "not base64!", base64.b64encode(b"GIF89a").decode(), ""]
)
def test_a_bomb_or_a_broken_picture_is_left_out(data: str) -> None:
    text = feedback(students("plot", shown({"image/png": data})))
    assert not elements(text, "img") and "A picture is left out" in text


def test_many_pictures_leave_room_for_the_text() -> None:
    cells = [students(f"plot({n})", shown({"image/png": noise()})) for n in range(20)]
    text = feedback(*cells)
    assert 3 <= len(elements(text, "img")) < 20
    assert "are left out, because" not in text and len(text) < 1_000_000


def test_attachments_of_given_text_are_encoded_anew() -> None:
    cell = given("![a plot](attachment:p.png) ![gone](attachment:q.png)", prose=True)
    cell["attachments"] = {"p.png": {"image/png": png()}}
    text = feedback(cell)
    assert [picture["alt"] for picture in elements(text, "img")] == ["a plot"]
    assert "[picture: gone]" in text
    assert_harmless(text)


# ---- formulas


def test_formulas_become_mathml() -> None:
    text = prose(
        r"$h_t = \tanh(W x_t)$ and" "\n\n$$\\frac{1}{n}\n\\sum_{t=1}^n p_t$$", lambda _: None
    )
    assert text.count("<math") == 2 and "<munderover>" in text and "$" not in text


def test_a_function_stands_apart_from_what_follows_its_name() -> None:
    space = '<mspace width="0.167em"></mspace>'
    assert f"<mi>log</mi>{space}<mi>p</mi>" in mathml(r"-\log p(x)", block=False)
    assert f"<mn>2</mn></msub>{space}<mi>n</mi>" in mathml(r"\log_2 n", block=False)
    assert space not in mathml(r"\tanh(x) + \alpha x + 2 \log(n)", block=False)


def test_bold_letters_are_letters_that_browsers_show() -> None:
    assert "𝐖" in mathml(r"\mathbf{W}", block=False) and "ℝ" in mathml(r"\mathbb{R}", block=False)


@pytest.mark.parametrize(
    "latex",
    [
        r"\nosuchcommand{x}", r"\frac{1", r"\frac", r"\left(", "{" * 2_000, "{" * 40 + "}" * 40,
        "^" * 900, r"\begin{nosuch}1&2\end{nosuch}", "x" * 5_000, r"\begin{matrix}",
        r"\def\a{\a\a}\a", r"\newcommand{\a}{xx}\a", r"\rule{99em}{99em}",
    ],
)  # fmt: skip
def test_a_formula_that_cannot_be_translated_shows_its_source(latex: str) -> None:
    text = mathml(latex, block=True)
    assert text.startswith('<code class="formula">') and "<math" not in text


# ---- size and time


def test_the_page_stays_under_two_megabytes_whatever_was_printed() -> None:
    cells = [
        students(
            "x = 'é' # " + "<&>" * 9_000, output("<ü>" * 300_000), shown({"image/png": noise()})
        )
        for _ in range(60)
    ]
    prose_cells = [students("&<b> $x_{i}$ " * 2_000, prose=True) for _ in range(30)]
    words = ("é" * 100_000,) * 200
    text = feedback(
        *cells, *prose_cells, hidden_test(), given("## The end", prose=True), reason="r" * 10**6,
        verdicts=(Verdict("sample_test", 5, 0, 0, 1, None, words),), notes=words,
    )  # fmt: skip
    assert len(text.encode()) < 2_000_000
    assert "cells are left out, because" in text and "The end" in text and "Not right yet" in text


@pytest.mark.parametrize(
    "source",
    [
        "[" * 20_000, "> " * 9_000, "*a_ " * 5_000, "`" * 20_000, "<a " * 6_000, "$x" * 9_000,
        "![" * 9_000, "|" * 9_000 + "\n" + "|-" * 5_000, "- " * 9_000, "&" * 20_000, "_" * 20_000,
        "<div>" * 4_000, "](" * 9_000, "$$" * 9_000,
    ],
)  # fmt: skip
def test_hostile_markdown_costs_little_time(source: str) -> None:
    begun = time.process_time()
    feedback(students(source, prose=True))
    assert time.process_time() - begun < 5
