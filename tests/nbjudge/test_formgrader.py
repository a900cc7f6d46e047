"""The formgrader's pages: what a student wrote is shown, and cannot act as the grader."""

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from small_course import metadata

from nbjudge.gradebook.nbgrader_config import load_config
from nbjudge.judge.verdicts import Record, attach

NAMES = (
    "assignment_id notebook_id submission_id base_url first_name last_name mathjax_url student "
    "unique_key notebook_path keyword_params"
).split()


def shown(course, *cells, status="graded") -> str:
    """The page that the formgrader makes of a notebook with these cells."""
    config = load_config(course)
    config.HTMLExporter.template_name = "formgrade"
    resources = {**dict.fromkeys(NAMES, ""), "index": 0, "total": 1}
    notebook = new_notebook(cells=list(cells))
    attach(Record("tiny", "ada", status), notebook)
    page, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources=resources)
    return page


def output(**data):
    return new_code_cell("x", outputs=[new_output("display_data", data)])


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell("<script>EVIL()</script>"),
        new_markdown_cell("<img src=x onerror='EVIL()'>"),
        new_markdown_cell('![](x"onerror="EVIL())'),
        new_markdown_cell("[a](javascript:EVIL())"),
        new_markdown_cell("<iframe srcdoc='<script>EVIL()</script>'></iframe>"),
        new_raw_cell("<script>EVIL()</script>"),
        output(**{"text/html": "<script>EVIL()</script>"}),
        output(**{"text/html": "<b onmouseover='EVIL()'>b</b>"}),
        output(**{"application/javascript": "EVIL()"}),
        output(**{"image/svg+xml": "<svg><script>EVIL()</script></svg>"}),
        output(**{"image/svg+xml": "<svg onload='EVIL()'></svg>"}),
        output(**{"text/markdown": "<script>EVIL()</script>"}),
        output(**{"text/latex": "<script>EVIL()</script>"}),
        output(**{"image/png": '"><script>EVIL()</script>'}),
        new_code_cell("x", outputs=[new_output("stream", text="<script>EVIL()</script>")]),
    ],
)
def test_no_script_of_a_students_runs(course, cell):
    page = shown(course, cell)
    for line in page.splitlines():
        if "EVIL" in line:
            for live in ("<script>EVIL", "='EVIL", '="EVIL', 'href="javascript', "<svg", "<iframe"):
                assert live not in line


def test_a_page_needs_nothing_from_the_network(course):
    page = shown(course, new_markdown_cell("$h_t$"))
    assert "MathJax = {" in page and "http://" not in page and "https://" not in page


def test_a_tasks_mark_scheme_is_set_apart_and_nobody_elses(course):
    source = "Why?\n\n### BEGIN MARK SCHEME\nOne *point*.\n### END MARK SCHEME"
    task = new_markdown_cell(source, metadata=metadata("task", task=True, points=1))
    page = shown(course, task)
    assert "<strong>Mark scheme</strong>" in page and "<em>point</em>" in page
    assert "BEGIN MARK SCHEME" not in page
    assert "<strong>Mark scheme</strong>" not in shown(course, new_markdown_cell(source))


def test_words_formulas_and_plots_are_shown(course):
    dot = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
        "rkJggg=="
    )
    page = shown(
        course,
        new_markdown_cell("*Because* $h_t$ **forgets**."),
        output(**{"image/png": dot, "text/plain": "<Figure>"}),
    )
    assert "<em>Because</em>" in page and "<math" in page and dot in page


@pytest.mark.parametrize(
    ("answer", "is_blank"),
    [
        (new_markdown_cell("YOUR ANSWER HERE", id="answer_task"), True),
        (new_markdown_cell("  \n", id="answer_task"), True),
        (new_markdown_cell("It shrinks.", id="answer_task"), False),
        (
            new_markdown_cell("It shrinks.", id="x", metadata={"nbjudge": {"origin": "student"}}),
            False,
        ),
        (new_markdown_cell("## The next section", id="given"), True),
    ],
)
def test_a_task_with_nothing_written_below_it_is_marked(course, answer, is_blank):
    task = new_markdown_cell("Why?", metadata=metadata("task", task=True, points=1))
    assert ('data-blank-answer="task"' in shown(course, task, answer)) == is_blank
    assert "data-blank-answer=" not in shown(course, task, answer, status="failed")
