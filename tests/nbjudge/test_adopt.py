"""Any nbgrader course as it stands: its own asserts, graded as nbgrader grades them."""

import shutil

import nbformat
import pytest
import stock_course
from nbformat.v4 import new_code_cell, new_notebook
from small_course import SANDBOX
from stock_course import NAME, answered, cell, hand_in, rows, solution
from stock_course import test as asserts

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.notebooks import grade_id, read_notebook
from nbjudge.judge.verdicts import attached

pytestmark = pytest.mark.kernel

RIGHT = "def square(x):\n    return x * x"
CUBE = "def square(x):\n    return x ** 3"


def nbjudge(*words):
    return cli.main([*words, f"--sandbox={SANDBOX}"])


def submissions():
    """What students hand in, by name."""
    return {
        "right": {"square": RIGHT},
        "stub": {},
        "cube": {"square": CUBE},
        "positive": {"square": "def square(x):\n    return x * x if x > 0 else 0"},
        "prints": {"square": "def square(x):\n    print(x)\n    return x * x"},
        "edits": {"square": CUBE, "square_seen": "pass", "square_partial": "2.0"},
        "essay": {"square": RIGHT, "essay": "print('mine')"},
        "syntax": {"square": "def square(x):\n    return ("},
        "helper": {"square": "import own\n\ndef square(x):\n    return own.squared(x)"},
        "rows": {"square": f"rows = 4\n{RIGHT}"},
    }


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The same course, graded by nbgrader in one folder and adopted and graded in another."""
    place = tmp_path_factory.mktemp("stock")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(place / "config"))
        ours, theirs = place / "ours", place / "theirs"
        stock_course.write(ours)
        patch.chdir(ours)
        stock_course.stock("generate_assignment", NAME)
        for student, answers in submissions().items():
            own = {"own_dot_py": "def squared(x):\n    return x * x\n"} if "help" in student else {}
            hand_in(ours, student, answered(ours, **answers), **own)
        lost = answered(ours, square=RIGHT)
        lost.cells = [one for one in lost.cells if grade_id(one) != "square_seen"]
        hand_in(ours, "lost", lost)
        twice = answered(ours, square=CUBE)
        at = next(n for n, one in enumerate(twice.cells) if grade_id(one) == "square")
        again = nbformat.from_dict(twice.cells[at])
        again.source = RIGHT
        twice.cells.insert(at + 1, again)
        hand_in(ours, "twice", twice)
        shutil.copytree(ours, theirs)
        shutil.rmtree(theirs / "submitted" / "twice")  # which ends nbgrader's whole run
        before = {path: path.read_bytes() for path in ours.rglob("*.ipynb")}
        assert nbjudge("adopt") == 0
        assert nbjudge("grade", NAME) == 0
        assert cli.main(["feedback", NAME]) == 0
        assert before.items() <= {path: path.read_bytes() for path in before}.items()
        patch.chdir(theirs)
        stock_course.stock("autograde", NAME)
    return ours, theirs


def test_scores_are_nbgraders_row_by_row(graded):
    ours, theirs = map(rows, graded)
    twice = {name: ours.pop(("twice", name)) for _, name in theirs if ("twice", name) in ours}
    assert twice == {name: ours["right", name] for name in twice}  # the later of the two counts
    assert set(ours) == set(theirs) and len(ours) == 11 * 7
    lost = ("lost", "square_seen")
    assert ours.pop(lost) == (2, 0) and theirs.pop(lost)[0] is None  # it was put back
    assert ours == theirs
    assert {ours["right", name][0] for name in ("square_seen", "square_hidden", "data")} == {2}
    assert ours["right", "square_warns"] == (0, 0)
    assert ours["positive", "square_partial"][0] == pytest.approx(2)
    assert ours["cube", "square_partial"][0] == pytest.approx(4 / 3)
    assert ours["stub", "essay"] == (0, 0) and ours["essay", "essay"] == (None, 1)


def test_hidden_asserts_do_not_come_back_and_verdicts_are_marked(graded):
    page = (graded[0] / "feedback" / "positive" / NAME / f"{NAME}.html").read_text()
    assert "31337" not in page and "not for" not in page
    assert "Judged by asserts that ran with your code" in page
    assert "An assert of this cell failed." in page


def test_a_warning_that_costs_the_points_is_told(graded):
    record = attached(read_notebook(graded[0] / "autograded" / "right" / NAME / f"{NAME}.ipynb"))
    (words,) = (one.words for one in record.verdicts if one.grade_id == "square_warns")
    assert "it wrote to stderr" in words[0]
    assert all(one.by_asserts for one in record.verdicts)


def test_a_second_grade_has_nothing_to_do(graded, monkeypatch, capsys):
    monkeypatch.chdir(graded[0])
    stamp = (graded[0] / "autograded" / "right" / NAME / f"{NAME}.ipynb").stat().st_mtime_ns
    assert nbjudge("grade", NAME) == 0
    again = (graded[0] / "autograded" / "right" / NAME / f"{NAME}.ipynb").stat().st_mtime_ns
    assert again == stamp


def adopt(folder, monkeypatch, source):
    stock_course.write(folder, source)
    monkeypatch.chdir(folder)
    return nbjudge("adopt")


def with_cells(*cells, language="python"):
    spec = {"name": "ir" if language == "R" else "python3", "language": language,
            "display_name": "x"}  # fmt: skip
    return new_notebook(cells=list(cells), metadata={"kernelspec": spec})


def test_marks_that_nobody_meant_are_named_and_wait_for_a_person(tmp_path, monkeypatch, capsys):
    source = with_cells(
        solution("f", "### BEGIN SOLUTION\nvalue = 1.0\n### END SOLUTION"),
        asserts("nan", "float('nan') if value != 1 else 2"),
        asserts("minus", "-1 if value != 1 else 2"),
        asserts("too_many", "7 if value != 1 else 2"),
        asserts("cut", "assert value\n# %% second half\nassert value == 1"),
        asserts("unsure", "import sys\nprint('note', file=sys.stderr)"),
    )
    assert adopt(tmp_path / "course", monkeypatch, source) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "hw, nan: its last value is its points" in said
    assert "hw, cut: a line '# %%' in it cuts it in two" in said
    assert "hw, unsure: the solution itself gets 0 of 2" in said and "stderr" in said
    hand_in(tmp_path / "course", "ada", answered(tmp_path / "course", f="value = 0.5"))
    assert nbjudge("grade", NAME) == 0
    found = rows(tmp_path / "course")
    for name in ("nan", "minus", "too_many"):
        assert found["ada", name] == (None, 1)
    assert found["ada", "cut"] == (0, 0)
    assert "no number of points" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (with_cells(asserts("t", "x"), language="R"), "is for the kernel 'ir' (r)"),
        (with_cells(asserts("t", "1"), asserts("t", "2")), "this grade_id occurs twice"),
        (with_cells(asserts("t", "### AUTOTEST f(1)")), "AUTOTEST lines"),
        (with_cells(new_code_cell("1")), "has no cell with points"),
    ],
)
def test_what_cannot_be_taken_is_a_sentence_and_nothing_is_written(
    tmp_path, monkeypatch, capsys, source, sentence
):
    assert adopt(tmp_path / "course", monkeypatch, source) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "course" / "course.toml").exists()


def test_a_course_of_ours_is_not_adopted_twice(graded, monkeypatch, capsys):
    monkeypatch.chdir(graded[0])
    before = (graded[0] / "nbgrader_config.py").read_text()
    assert nbjudge("adopt") == 1 and "has a course.toml already" in capsys.readouterr().err
    assert (graded[0] / "nbgrader_config.py").read_text() == before
    assert before.count("wire(") == 1


def test_several_notebooks_of_an_assignment_are_graded_each(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "course"
    one = with_cells(new_code_cell("x = 1"), asserts("t", "assert x == 1"))
    other = with_cells(new_code_cell("y = 1"), asserts("u", "assert y == 1"), asserts("v", "2 * y"))
    stock_course.write(folder, one)
    (folder / "source" / NAME / "part two.ipynb").write_text(nbformat.writes(other))
    monkeypatch.chdir(folder)
    assert nbjudge("adopt") == 0
    assert list(find_course(folder).assignments) == [NAME, f"{NAME}/part two"]
    place = folder / "submitted" / "ada" / NAME
    place.mkdir(parents=True)
    for name in (f"{NAME}.ipynb", "part two.ipynb"):
        shutil.copy(folder / "release" / NAME / name, place)
    shutil.copytree(place, folder / "submitted" / "bob" / NAME)
    (folder / "submitted" / "bob" / NAME / "part two.ipynb").unlink()
    assert nbjudge("grade", NAME) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "there is no part two.ipynb in the submission" in said
    found = rows(folder)
    assert found["ada", "t"] == found["ada", "u"] == found["ada", "v"] == (2, 0)
    assert found["bob", "t"] == (2, 0) and found["bob", "u"] == (None, 1)
    assert cli.main(["feedback", NAME]) == 0
    assert len(list((folder / "feedback" / "ada" / NAME).glob("*.html"))) == 2


EVIDENCE = """### BEGIN HIDDEN TESTS
from nbjudge import observe
observe("three", square, 3.0)
observe("minus four", square, -4.0)
### END HIDDEN TESTS
### BEGIN KEY
from nbjudge.kernel.expect import close, expect
expect("three", close(rtol=1e-6))
expect("minus four", close(rtol=1e-6))
### END KEY"""


WITHOUT_ASSERTS = """import ast
class Gone(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Gone())"""


def test_a_course_may_mix_evidence_and_asserts(tmp_path, monkeypatch, capsys):
    source = stock_course.notebook()
    source.cells[3:3] = [cell("square_evidence", EVIDENCE, grade=True, points=2)]
    folder = tmp_path / "course"
    assert adopt(folder, monkeypatch, source) == 0, capsys.readouterr().err
    forged = f"{CUBE}\n{WITHOUT_ASSERTS}"
    hand_in(folder, "ada", answered(folder, square=RIGHT))
    hand_in(folder, "eve", answered(folder, square=forged))
    assert nbjudge("grade", NAME) == 0
    found = rows(folder)
    assert found["ada", "square_evidence"] == (2, 0) and found["ada", "square_seen"] == (2, 0)
    assert found["eve", "square_evidence"] == (0, 0)
    assert found["eve", "square_seen"] == (2, 0)  # asserts can be forged, as docs/adopt.md says
    record = attached(read_notebook(folder / "autograded" / "ada" / NAME / f"{NAME}.ipynb"))
    assert {one.grade_id: one.by_asserts for one in record.verdicts}["square_evidence"] is False
