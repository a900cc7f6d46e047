"""The round trip in a tiny course: hand in, grade, enter, give back."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import NAME, SANDBOX, answered, cell_named, hand_in

from nbjudge.authoring import build
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import read_notebook
from nbjudge.judge.answer_key import load_key, read_summary
from nbjudge.judge.verdicts import attached
from nbjudge.sandbox import engine
from nbjudge.workflow import feedback, grade

RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
IN_PLACE = "def scaled(values, factor):\n    values *= factor\n    return values"
HALF = "def scaled(values, factor):\n    return values * factor if factor > 1 else 0.0"


def grade_all(course, executor, **settings):
    return {record.student: record for record in grade.grade(course, NAME, executor, **settings)}


def score(record):
    return sum(verdict.score for verdict in record.verdicts)


def scores_in_gradebook(course):
    with Gradebook(course.gradebook_url) as gradebook:
        return {one.student.id: one.score for one in gradebook.assignment_submissions(NAME)}


def test_a_class_from_submission_to_feedback(course, executor):
    hand_in(course, "ada", answered(course, scaled=RIGHT, answer_task="So <b>it</b> is."))
    hand_in(course, "bob", answered(course, scaled=ADDED))
    hand_in(course, "cleo", answered(course, scaled=IN_PLACE))
    hand_in(course, "dan", answered(course, scaled=HALF))
    hand_in(course, "eve", answered(course))
    hand_in(course, "fred", '{"cells": [')
    records = grade_all(course, executor)

    assert {name: score(record) for name, record in records.items()} == {
        "ada": 4, "bob": 0, "cleo": 2, "dan": 2, "eve": 0, "fred": 0,
    }  # fmt: skip
    judged = {name: record.verdicts[0] for name, record in records.items() if record.verdicts}
    found = {name: verdict.mistake for name, verdict in judged.items()}
    assert found == {"ada": None, "bob": "added", "cleo": "in_place", "dan": None, "eve": None}
    (sentence,) = judged["dan"].words
    assert sentence.startswith("One value halved: the result is off by")
    assert judged["eve"].words == ("This exercise has not been written yet.",)
    assert (records["fred"].status, records["fred"].reason) == (
        "failed",
        "the notebook is not valid JSON; it may be cut off",
    )
    assert scores_in_gradebook(course) == {name: score(record) for name, record in records.items()}

    written, complaints = feedback.write_feedback(course, NAME)
    pages = {path.parent.parent.name: path for path in written}
    assert complaints == []
    assert set(pages) == set(records)
    bob, fred = pages["bob"].read_text(), pages["fred"].read_text()
    assert "The factor was added to the values" in bob
    assert "default_rng" not in bob and "One point for a reason" not in bob
    assert "it may be cut off" in fred


def test_a_failed_submission_waits_for_a_person_and_is_no_zero(course, executor):
    hand_in(course, "fred", "no notebook")
    grade_all(course, executor)
    with Gradebook(course.gradebook_url) as gradebook:
        (submission,) = gradebook.assignment_submissions(NAME)
        (notebook,) = submission.notebooks
        assert all(grade.needs_manual_grade for grade in notebook.grades)
        assert all(grade.auto_score is None for grade in notebook.grades)
    shown = read_notebook(course.autograded_notebook("fred", NAME))
    assert "could not be graded automatically" in shown.cells[0].source


def test_nothing_a_student_submitted_is_changed(course, executor):
    path = hand_in(course, "ada", answered(course, scaled=RIGHT))
    path.chmod(0o444)
    before = path.read_bytes(), sorted(path.parent.iterdir())
    grade_all(course, executor)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before


def test_what_is_graded_is_not_graded_again(course, executor, monkeypatch):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    first = grade_all(course, executor)
    monkeypatch.setattr(engine, "run", lambda *_: pytest.fail("ran again"))
    assert grade_all(course, executor) == first


def test_a_file_that_cannot_be_graded_is_not_tried_again(course, executor):
    """Otherwise what a person has graded by hand since then would wait for them once more."""
    hand_in(course, "fred", "no notebook")
    (course.submitted("gina", NAME)).mkdir(parents=True)
    first = grade_all(course, executor)
    with Gradebook(course.gradebook_url) as gradebook:
        for one in gradebook.find_submission_notebook(NAME, NAME, "fred").grades:
            one.manual_score, one.needs_manual_grade = 1, False
        gradebook.db.commit()
    assert grade_all(course, executor) == first
    with Gradebook(course.gradebook_url) as gradebook:
        assert not gradebook.find_submission(NAME, "fred").needs_manual_grade
    for name in ("fred", "gina"):  # until there is another one
        hand_in(course, name, answered(course, scaled=RIGHT))
    assert [score(record) for record in grade_all(course, executor).values()] == [4, 4]


def test_what_failed_for_another_reason_is_tried_again(course, executor, monkeypatch):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    with monkeypatch.context() as patch:
        patch.setattr(engine, "run", lambda task, isolation: 1 / 0)
        assert grade_all(course, executor)["ada"].status == "failed"
    assert score(grade_all(course, executor)["ada"]) == 4


def test_a_summary_of_the_key_has_the_digest_of_the_key(course):
    folder = course.key(NAME)
    key = load_key(folder, NAME)
    summary = read_summary(folder, NAME)
    assert (summary.digest, summary.settings, summary.release) == (
        key.digest,
        key.settings,
        key.release,
    )
    template = folder / "template.ipynb"
    template.write_text(template.read_text().replace("Tiny", "Tony"))
    with pytest.raises(CourseError, match="damaged"):
        read_summary(folder, NAME)


@pytest.mark.parametrize("lost", ["gradebook entry", "autograded file"])
def test_what_was_graded_halfway_is_graded_again(course, executor, lost):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    grade_all(course, executor)
    if lost == "autograded file":
        course.autograded_notebook("ada", NAME).unlink()
    else:
        with Gradebook(course.gradebook_url) as gradebook:
            gradebook.remove_submission(NAME, "ada")
    grade_all(course, executor)
    assert scores_in_gradebook(course) == {"ada": 4}
    assert course.autograded_notebook("ada", NAME).exists()


def test_a_new_submission_replaces_the_old_score(course, executor):
    hand_in(course, "ada", answered(course, scaled=ADDED))
    grade_all(course, executor)
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    assert score(grade_all(course, executor)["ada"]) == 4
    assert scores_in_gradebook(course) == {"ada": 4}


def test_manual_scores_and_comments_survive_a_forced_regrade(course, executor):
    hand_in(course, "ada", answered(course, scaled=ADDED))
    grade_all(course, executor)
    with Gradebook(course.gradebook_url) as gradebook:
        gradebook.find_grade("task", NAME, NAME, "ada").manual_score = 1
        gradebook.find_grade("scaled_test", NAME, NAME, "ada").manual_score = 3
        gradebook.find_comment("task", NAME, NAME, "ada").manual_comment = "Well argued."
        gradebook.db.commit()
    grade_all(course, executor, force=True)
    assert scores_in_gradebook(course) == {"ada": 4}
    ((page,), _) = feedback.write_feedback(course, NAME, "ada")
    assert "Well argued." in page.read_text()


def test_one_student_can_be_graded_alone(course, executor):
    for name in ("ada", "bob"):
        hand_in(course, name, answered(course, scaled=RIGHT))
    assert set(grade_all(course, executor, student="bob")) == {"bob"}


def test_nbgrader_gives_the_same_scores(course, executor):
    for name, source in {"ada": RIGHT, "bob": ADDED, "cleo": IN_PLACE, "dan": HALF}.items():
        hand_in(course, name, answered(course, scaled=source))
    hand_in(course, "eve", answered(course))
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME]
    command += [f"--Execute.sandbox={SANDBOX}"]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    by_nbgrader = scores_in_gradebook(course)
    assert by_nbgrader == {"ada": 4, "bob": 0, "cleo": 2, "dan": 2, "eve": 0}
    assert len(feedback.write_feedback(course, NAME)[0]) == 5  # feedback works after either
    grade_all(course, executor, force=True)
    assert scores_in_gradebook(course) == by_nbgrader

    pages, _ = feedback.write_feedback(course, NAME)
    before = [page.read_text() for page in pages]
    for page in pages:
        page.unlink()
    for words in (["export"], ["generate_feedback", NAME, "--force"]):
        command = [sys.executable, "-m", "nbgrader", *words]
        subprocess.run(command, cwd=course.root, capture_output=True, check=True)
    exported = (course.root / "grades.csv").read_text().splitlines()
    assert len(exported) == 6 and ",ada," in exported[1]
    assert [page.read_text() for page in pages] == before


TAMPERING = {
    "a cell that switches asserts off": (
        "import ast, builtins\nbuiltins.AssertionError = Exception\n"
        "class Drop(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
        "        return ast.Pass()\nget_ipython().ast_transformers.append(Drop())"
    ),
    "an input transformer that empties grade cells": (
        "def empty(lines):\n"
        "    return ['4.0\\n'] if any('observe' in line for line in lines) else lines\n"
        "get_ipython().input_transformers_cleanup.append(empty)"
    ),
    "an input transformer that claims success": (
        "def claim(lines):\n"
        "    if not any('observe' in line for line in lines):\n        return lines\n"
        "    return ['print(\"Everything that was observed is right.\")\\n', '4.0\\n']\n"
        "get_ipython().input_transformers_post.append(claim)"
    ),
    "an AST transformer that drops calls": (
        "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Call(self, node):\n"
        "        return ast.Constant(4.0)\nget_ipython().ast_transformers.append(Drop())"
    ),
    "a patched np.testing": (
        "import numpy.testing as t\nfor name in dir(t):\n    if name.startswith('assert'):\n"
        "        setattr(t, name, lambda *a, **k: None)"
    ),
    "a wrapped observe that sends ones": (
        "import nbjudge, numpy as np\nreal = nbjudge.kernel.observe\n"
        "def fake(name, function, *arguments):\n    real(name, lambda *a: np.ones(5), *arguments)\n"
        "nbjudge.kernel.observe = fake"
    ),
    "many guesses for one observation": (
        "import nbjudge, numpy as np\nreal = nbjudge.kernel.observe\n"
        "def guess(name, function, *arguments):\n    for factor in (0.5, 1.0, 2.0, 3.0):\n"
        "        real(name, lambda x, f: x * factor, *arguments)\n"
        "nbjudge.kernel.observe = guess"
    ),
    "forged evidence of another cell": (
        "from IPython.display import display\nfrom nbjudge.kernel.evidence import MIME, encode\n"
        "import numpy as np\nfor name in ('five values tripled', 'one value halved'):\n"
        "    forged = {'observation': name, 'value': encode(np.ones(5)), 'changed': False}\n"
        "    display({MIME: forged}, raw=True)"
    ),
    "forged expectations": (
        "import nbjudge\nfrom nbjudge import key\n"
        "def forged(name, function, *arguments):\n    key.expect(name, key.at_most(1e9))\n"
        "nbjudge.kernel.observe = forged"
    ),
    "an answer that equals everything": (
        "import numpy as np\nclass Anything:\n    __eq__ = lambda s, o: True\n"
        "    __array__ = lambda s, *a, **k: np.ones(1)\n"
        "def scaled(values, factor):\n    return Anything()"
    ),
    "a check that shows a number": (
        "import builtins\nbuiltins.print = lambda *a, **k: None\n"
        "class Shown:\n    def __repr__(self): return '100'\n"
        "get_ipython().ast_transformers.clear()\n"
        "def claim(lines):\n    return ['Shown()\\n'] if 'scaled(np.ones' in lines[0] else lines\n"
        "get_ipython().input_transformers_cleanup.append(claim)"
    ),
    "displays that are rewritten later": (
        "from IPython.display import display, update_display\n"
        "handle = display(0, display_id='score')"
    ),
}


@pytest.fixture(scope="module")
def tampered(built_folder, tmp_path_factory, executor):
    """One batch of all tampering notebooks with wrong answers, and honest neighbours."""
    course = find_course(shutil.copytree(built_folder, tmp_path_factory.mktemp("tampered") / "c"))
    for number, source in enumerate(TAMPERING.values()):
        notebook = answered(course, scaled=ADDED)
        notebook.cells.insert(3, new_code_cell(source))
        notebook.cells.append(
            new_code_cell(
                "from IPython.display import update_display\n"
                "update_display(4.0, display_id='score')"
            )
        )
        hand_in(course, f"tamper{number}", notebook)
    hand_in(course, "honest", answered(course, scaled=RIGHT))
    return grade_all(course, executor)


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_gains_nothing(tampered, what):
    record = tampered[f"tamper{list(TAMPERING).index(what)}"]
    assert record.status == "graded" and score(record) == 0


def test_tampering_costs_its_neighbours_nothing(tampered):
    assert score(tampered["honest"]) == 4


HONEST = {
    "warnings on stderr": (
        "import warnings, sys\ndef scaled(values, factor):\n    warnings.warn('hm')\n"
        "    print('hm', file=sys.stderr)\n    return values * factor"
    ),
    "cleared output": (
        "from IPython.display import clear_output\ndef scaled(values, factor):\n"
        "    print(1)\n    clear_output()\n    return values * factor"
    ),
    "a list": "def scaled(values, factor):\n    return [factor * float(v) for v in values]",
    "a tuple of NumPy numbers": "def scaled(values, factor):\n    return tuple(factor * values)",
    "single precision": "def scaled(values, f):\n    return (f * values).astype('float32')",
    "a syntax error in a scratch cell": [RIGHT, "1 +"],
    "a forgotten input()": [RIGHT, "name = input('who?')"],
    "an exception in a scratch cell": [RIGHT, "1 / 0"],
    "a bare value as last line": RIGHT + "\n\nscaled(np.ones(2), 3)",
    "other argument names": "def scaled(v, k):\n    return v * k",
    "a lambda": "scaled = lambda values, factor: values * factor",
    "magics": "%matplotlib inline\n" + RIGHT,
}


@pytest.fixture(scope="module")
def honest(built_folder, tmp_path_factory, executor):
    course = find_course(shutil.copytree(built_folder, tmp_path_factory.mktemp("honest") / "c"))
    for number, source in enumerate(HONEST.values()):
        answer, *scratch = [source] if isinstance(source, str) else source
        notebook = answered(course, scaled=answer)
        for position, extra in enumerate(scratch):
            notebook.cells.insert(2 + position, new_code_cell(extra))
        hand_in(course, f"honest{number}", notebook)
    return grade_all(course, executor)


@pytest.mark.parametrize("what", HONEST)
def test_an_honest_answer_keeps_full_marks(honest, what):
    record = honest[f"honest{list(HONEST).index(what)}"]
    assert score(record) == 4, record


def test_a_timestamp_is_entered_and_a_broken_one_does_no_harm(course, executor):
    for name, when in {"ada": "2026-11-22 10:00:00 UTC", "bob": "yesterday-ish"}.items():
        path = hand_in(course, name, answered(course, scaled=RIGHT))
        (path.parent / "timestamp.txt").write_text(when)
    grade_all(course, executor)
    with Gradebook(course.gradebook_url) as gradebook:
        entered = {one.student.id: one.timestamp for one in gradebook.assignment_submissions(NAME)}
    assert entered["ada"].year == 2026 and entered["bob"] is None


def test_a_locked_gradebook_is_said_and_loses_nothing(course, executor):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    other = sqlite3.connect(course.root / "gradebook.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CourseError, match="locked by another program"):
        grade_all(course, executor)
    other.close()
    assert score(grade_all(course, executor)["ada"]) == 4


def test_a_submission_that_breaks_the_grader_does_not_stop_it(course, executor, monkeypatch):
    real = engine.run

    def fails_for_bob(task, isolation):
        if "bob was here" in task.notebook:
            raise MemoryError("no memory")
        return real(task, isolation)

    monkeypatch.setattr(engine, "run", fails_for_bob)
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    hand_in(course, "bob", answered(course, scaled=f"# bob was here\n{RIGHT}"))
    records = grade_all(course, executor)
    assert score(records["ada"]) == 4
    assert records["bob"].status == "failed"
    assert records["bob"].reason == "grading it failed (MemoryError)"


HALF_A_PAIR = "\ud83d"


def test_half_a_surrogate_pair_stops_nobody(course, executor):
    notebook = answered(course, scaled=f"print('{HALF_A_PAIR}')\n{RIGHT}", answer_task=HALF_A_PAIR)
    notebook.cells.insert(1, new_code_cell("print('\\ud83d')  # this one is printed"))
    path = hand_in(course, "ada", "")
    path.write_text(json.dumps(notebook))
    hand_in(course, "bob", answered(course, scaled=RIGHT))
    assert {n: score(r) for n, r in grade_all(course, executor).items()} == {"ada": 4, "bob": 4}
    written, complaints = feedback.write_feedback(course, NAME)
    assert len(written) == 2 and not complaints


def test_a_folder_whose_name_is_not_utf_8_stops_nobody(course, executor):
    strange = os.fsdecode(b"b\xfcnter")
    for name in (strange, "bob"):
        hand_in(course, name, answered(course, scaled=RIGHT))
    records = grade_all(course, executor)
    assert score(records["bob"]) == 4
    (other,) = set(records) - {"bob"}
    assert records[other].status == "failed" and "needs a name in UTF-8" in records[other].reason


def test_a_file_in_place_of_a_folder_is_failed(course, executor):
    (course.root / "submitted" / "ada").mkdir(parents=True)
    (course.root / "submitted" / "ada" / NAME).write_text("a file")
    assert grade_all(course, executor)["ada"].reason == "there is no notebook in the submission"


def test_a_folder_that_is_a_link_is_not_followed(course, executor):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    (course.root / "submitted" / "bob").symlink_to(course.root / "submitted" / "ada")
    (course.root / "submitted" / "cleo").mkdir()
    (course.root / "submitted" / "cleo" / NAME).symlink_to(course.submitted("ada", NAME))
    records = grade_all(course, executor)
    assert score(records["ada"]) == 4
    for student in ("bob", "cleo"):
        assert records[student].reason == "the submission's folder is a link to another place"


def test_files_that_the_assignment_accepts_come_along(course, executor):
    path = course.root / "course.toml"
    path.write_text(path.read_text() + 'files = ["factors.txt"]\n')
    course = find_course(course.root)
    build.build(course, NAME, executor, lambda *told: None)
    reads = "def scaled(values, factor):\n    return values * factor * float(open(FILE).read())"
    reads = f"FILE = 'factors.txt'\n{reads}"
    folder = hand_in(course, "ada", answered(course, scaled=reads)).parent
    (folder / "factors.txt").write_text("1.0")
    (folder / "other.txt").write_text("2.0")
    hand_in(course, "bob", answered(course, scaled=reads))
    assert {n: score(r) for n, r in grade_all(course, executor).items()} == {"ada": 4, "bob": 0}
    (folder / "factors.txt").write_text("2.0")  # handed in again: graded again
    assert score(grade_all(course, executor)["ada"]) == 0


def test_a_new_submission_of_what_a_person_graded_waits_for_them_again(course, executor):
    hand_in(course, "ada", answered(course, scaled=ADDED, answer_task="First."))
    grade_all(course, executor)
    with Gradebook(course.gradebook_url) as gradebook:
        grade_of_task = gradebook.find_grade("task", NAME, NAME, "ada")
        grade_of_task.manual_score, grade_of_task.needs_manual_grade = 1, False
        gradebook.db.commit()
    grade_all(course, executor, force=True)
    assert not waits(course)
    hand_in(course, "ada", answered(course, scaled=RIGHT, answer_task="Second."))
    grade_all(course, executor)
    assert waits(course)


def waits(course):
    with Gradebook(course.gradebook_url) as gradebook:
        return gradebook.find_grade("task", NAME, NAME, "ada").needs_manual_grade


def test_the_autograded_notebook_carries_the_record(course, executor):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    records = grade_all(course, executor)
    path = course.autograded_notebook("ada", NAME)
    assert attached(read_notebook(path)) == records["ada"]
    outputs = cell_named(read_notebook(path), "scaled_test").outputs
    assert outputs[-1].data["text/plain"] == "4"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o644
    json.loads(path.read_text())
