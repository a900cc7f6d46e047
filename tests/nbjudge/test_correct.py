"""Correcting what students have: what can change, what cannot, and that nothing is lost."""

import json
import re

import pytest
from nbformat.v4 import new_markdown_cell
from small_course import NAME, ROOT, answered, cell_named, code, hand_in, metadata, text

from nbjudge import cli
from nbjudge.authoring.handed_out import defines, versions
from nbjudge.core.course import find_course
from nbjudge.core.notebooks import notebook_text, read_notebook
from nbjudge.gradebook.connection import open_gradebook

RIGHT = "def scaled(values, factor):\n    return factor * values"
HALVED = 'expect("one value halved", close(rtol=1e-4), oracle=values[:1] * 0.5)'


@pytest.fixture
def handed_out(course):
    """The tiny course, whose release students have."""
    assert cli.main(["--course", str(course.root), "handout", NAME]) == 0
    return course


def edit(course, change):
    """Apply `change` to the source notebook."""
    notebook = read_notebook(course.source(NAME))
    change(notebook)
    course.source(NAME).write_text(notebook_text(notebook))


def replace(name, old, new):
    def change(notebook):
        cell = cell_named(notebook, name)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def lmlib(course, *words):
    return cli.main(["--course", str(course.root), *words])


def scores(course, student="ada"):
    with open_gradebook(course) as gradebook:
        found = gradebook.find_submission_notebook(NAME, NAME, student)
        return {grade.name: grade.score for grade in found.grades}


def test_a_typo_a_hint_and_a_wrong_hidden_test_are_corrected(handed_out, capsys):
    before = answered(handed_out, scaled=RIGHT, answer_task="Because.")
    hand_in(handed_out, "ada", before)
    wrong = HALVED.replace("0.5", "0.5 + 0 * values[:1]")
    assert lmlib(handed_out, "grade", NAME) == 0
    with open_gradebook(handed_out) as gradebook:
        found = gradebook.find_grade("task", NAME, NAME, "ada")
        found.manual_score, found.needs_manual_grade = 1.0, False
        comment = gradebook.find_comment("task", NAME, NAME, "ada")
        comment.manual_comment = "Well said."
        gradebook.db.commit()
    edit(handed_out, replace("title", "# Tiny", "# Tiny, corrected"))
    edit(handed_out, replace("imports", "import numpy as np", "import numpy as np  # a hint"))
    edit(handed_out, replace("scaled_test", HALVED, wrong))
    assert lmlib(handed_out, "correct", NAME, "--check") == 0
    assert "other text" in capsys.readouterr().out
    assert len(versions(handed_out, NAME)) == 1
    assert lmlib(handed_out, "correct", NAME) == 0
    assert len(versions(handed_out, NAME)) == 2
    assert lmlib(handed_out, "grade", NAME) == 0
    assert scores(handed_out) == {"scaled_check": 0, "scaled_test": 4, "task": 1}
    assert lmlib(handed_out, "feedback", NAME) == 0
    page = (handed_out.feedback("ada", NAME) / f"{NAME}.html").read_text()
    assert "Well said." in page and "had been changed" not in page


def test_who_did_change_a_given_cell_is_still_told(handed_out):
    notebook = answered(handed_out, scaled=RIGHT)
    cell_named(notebook, "imports").source = "import numpy as np\nx = 1"
    hand_in(handed_out, "ada", notebook)
    edit(handed_out, replace("imports", "import numpy as np", "import numpy as np  # a hint"))
    assert lmlib(handed_out, "correct", NAME) == 0
    assert lmlib(handed_out, "grade", NAME) == 0
    assert lmlib(handed_out, "feedback", NAME) == 0
    page = (handed_out.feedback("ada", NAME) / f"{NAME}.html").read_text()
    assert "had been changed" in page


def remove(name):
    return lambda notebook: notebook.cells.remove(cell_named(notebook, name))


def add(cell):
    return lambda notebook: notebook.cells.append(cell)


def rename(old, new):
    def change(notebook):
        cell = cell_named(notebook, old)
        cell["id"] = new
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id = new

    return change


def move(name, position):
    def change(notebook):
        cell = cell_named(notebook, name)
        notebook.cells.remove(cell)
        notebook.cells.insert(position, cell)

    return change


def set_points(name, points):
    def change(notebook):
        cell_named(notebook, name).metadata.nbgrader.points = points

    return change


def to_given(name):
    def change(notebook):
        cell_named(notebook, name).metadata.update(metadata(name))

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (remove("scaled_check"), "scaled_check: is gone, but students' work"),
        (rename("imports", "the_imports"), "the_imports: is new, but those who have started"),
        (rename("answer_task", "answer_other"), "answer_task: is gone"),
        (add(code("more", "x = 1")), "more: is new, but those who have started do not have it"),
        (to_given("scaled_check"), "scaled_check: was of the kind check and is given, but those"),
        (to_given("title"), "title: was of the kind text and is given, but those who have started"),
        (move("imports", 2), "has moved, but students' own cells would run in another order"),
        (set_points("task", 3), "task: 1 points become 3, but people grade it by the old points"),
        (
            replace("scaled", "values, factor)", "values, factor, axis)"),
            "scaled(values, factor) becomes scaled(values, factor, axis), but functions written",
        ),
        (replace("imports", "as np", "as numpy"), "imports: no longer defines np, but students'"),
    ],
)
def test_what_would_lose_work_is_refused(handed_out, capsys, change, reason):
    release = handed_out.release(NAME).read_bytes()
    edit(handed_out, change)
    for command in (["correct", NAME], ["correct", NAME, "--check"], ["build", NAME]):
        assert lmlib(handed_out, *command) == 1
        assert reason in capsys.readouterr().err
    assert handed_out.release(NAME).read_bytes() == release
    assert len(versions(handed_out, NAME)) == 1


def test_a_renamed_function_is_refused(handed_out, capsys):
    edit(handed_out, replace("scaled", "def scaled", "def times"))
    assert lmlib(handed_out, "correct", NAME, "--check") == 1
    assert "scaled: no longer defines scaled, but those who have started" in capsys.readouterr().err


def changes(course, capsys):
    """The table of `nbjudge correct --check`, as (cell, what changes)."""
    assert lmlib(course, "correct", NAME, "--check") == 0
    rows = [line.split("│")[1:3] for line in capsys.readouterr().out.splitlines() if "│" in line]
    return {(cell.strip(), what.strip()) for cell, what in rows}


def test_text_may_come_and_go_and_is_listed(handed_out, capsys):
    edit(handed_out, add(new_markdown_cell("More.", id="more_words")))
    edit(handed_out, remove("title"))
    assert changes(handed_out, capsys) == {("more_words", "is new"), ("title", "is gone")}


def test_changes_are_told_once_but_what_any_version_forbids_stays_refused(handed_out, capsys):
    edit(handed_out, add(new_markdown_cell("More.", id="more_words")))
    edit(handed_out, replace("imports", "import numpy as np", "import numpy as np, math"))
    assert lmlib(handed_out, "correct", NAME) == 0
    capsys.readouterr()
    edit(handed_out, replace("title", "# Tiny", "# Other"))
    assert changes(handed_out, capsys) == {("title", "other text")}
    first, second = json.loads(handed_out.handed_out(NAME).read_text())["versions"]
    first[2]["defines"]["older"] = ""
    handed_out.handed_out(NAME).write_text(json.dumps({"versions": [first, second]}))
    assert lmlib(handed_out, "correct", NAME, "--check") == 1
    assert "imports: no longer defines older" in capsys.readouterr().err


def test_the_installing_cell_follows_the_release_address(course, capsys):
    settings = course.root / "course.toml"
    plain = settings.read_text()
    settings.write_text('release_address = "https://example.org/x"\n' + plain)
    assert lmlib(course, "build", NAME) == 0
    assert lmlib(course, "handout", NAME) == 0
    settings.write_text(plain)
    capsys.readouterr()
    assert changes(course, capsys) == {("install_library", "other text")}


def test_a_release_that_would_lose_work_is_not_recorded_either(handed_out, capsys):
    kept = handed_out.handed_out(NAME).read_bytes()
    other = read_notebook(handed_out.release(NAME))
    rename("imports", "the_imports")(other)
    handed_out.release(NAME).write_text(notebook_text(other))
    assert lmlib(handed_out, "handout", NAME) == 1
    assert "the_imports: is new" in capsys.readouterr().err
    assert handed_out.handed_out(NAME).read_bytes() == kept


def test_before_it_is_handed_out_everything_can_change(course, capsys):
    edit(course, add(text("more", "More?\n\n### BEGIN MARK SCHEME\nx\n### END MARK SCHEME",
                          task=True, points=2)))  # fmt: skip
    edit(course, add(new_markdown_cell("YOUR ANSWER HERE", id="answer_more")))
    assert lmlib(course, "correct", NAME) == 1
    assert "tiny is not handed out yet" in capsys.readouterr().err
    assert lmlib(course, "build", NAME) == 0


def test_handing_out_twice_is_once_and_needs_no_new_build(handed_out, capsys):
    assert lmlib(handed_out, "handout", NAME) == 0
    assert "already in handed_out" in capsys.readouterr().out
    key = (handed_out.key(NAME) / "key.json").stat().st_mtime_ns
    assert lmlib(handed_out, "build", NAME) == 0
    assert (handed_out.key(NAME) / "key.json").stat().st_mtime_ns == key


def test_after_a_correction_a_build_has_nothing_to_do(handed_out):
    edit(handed_out, replace("imports", "import numpy as np", "import numpy as np  # a hint"))
    assert lmlib(handed_out, "correct", NAME) == 0
    key = (handed_out.key(NAME) / "key.json").stat().st_mtime_ns
    assert lmlib(handed_out, "build", NAME) == 0
    assert (handed_out.key(NAME) / "key.json").stat().st_mtime_ns == key


def test_a_record_that_is_damaged(handed_out, capsys):
    handed_out.handed_out(NAME).write_text("{")
    edit(handed_out, replace("title", "# Tiny", "# Other"))
    assert lmlib(handed_out, "build", NAME) == 1
    assert "is damaged; restore it from git." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(a: int, b=1) -> int: ...", {"f": "(a, b=)"}),
        ("def f(a, /, b, *, c, d=2): ...", {"f": "(a, /, b, *, c, d=)"}),
        ("async def f(*a, **k): ...", {"f": "(*a, **k)"}),
        ("def f():\n    own = 1", {"f": "()"}),
        ("import numpy as np, os.path\nfrom math import pi", {"np": "", "os": "", "pi": ""}),
        ("%matplotlib inline\nx, (y, z.w) = 1, (2, 3)", {"x": "", "y": ""}),
        ("a = [i for i in range(3)]\nfor k in a: pass", {"a": "", "k": ""}),
        ("try:\n    import fast\nexcept ImportError:\n    def fast(x): ...", {"fast": "(x)"}),
        (
            "class C:\n    size = 1\n    def __init__(self, n): ...\n    def _own(self): ...",
            {"C": "", "C.size": "", "C.__init__": "(self, n)"},
        ),
    ],
)
def test_names_that_codedefines_for_the_code_after_it(source, names):
    assert defines(source) == names


def test_the_page_on_correcting(course, monkeypatch):
    monkeypatch.chdir(course.root)
    page = (ROOT / "docs" / "correcting.md").read_text().replace("ps1_rnn_sampling", NAME)
    commands = re.findall(r"^\.venv/bin/nbjudge (.+)$", page, re.M)
    assert len(commands) == 3
    assert cli.main(commands[0].split()) == 0
    edit(course, replace("task", "One point for a reason.", "One point for any reason."))
    for words in commands[1:]:
        assert cli.main(words.split()) == 0
    assert find_course(course.root).handed_out(NAME).is_file()


def test_what_only_hidden_tests_change_is_said(handed_out, capsys):
    edit(handed_out, replace("scaled_test", "rtol=1e-4", "rtol=2e-4"))
    assert lmlib(handed_out, "correct", NAME, "--check") == 0
    assert "Nothing changes in what students have" in capsys.readouterr().out


def test_a_build_says_that_students_do_not_have_it(handed_out, capsys):
    edit(handed_out, replace("title", "# Tiny", "# Tiny, corrected"))
    assert lmlib(handed_out, "build", NAME) == 0
    assert "tiny is not what students have: `nbjudge correct tiny`" in capsys.readouterr().err
    assert lmlib(handed_out, "correct", NAME) == 0
    assert lmlib(handed_out, "build", NAME) == 0
    assert "not what students have" not in capsys.readouterr().err
