"""Known ground: the course's cells run as if the student's had changed nothing."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbjudge.core.limits import Limits
from nbjudge.judge.answer_key import read_payloads
from nbjudge.kernel.evidence import decode
from nbjudge.sandbox.engine import Run, Task, run
from nbjudge.sandbox.isolation import Isolation

pytestmark = pytest.mark.kernel

OBSERVE = "from nbjudge import observe\n"


def course(source: str, **known: object):
    """A locked cell of the course's."""
    cell = new_code_cell(source, id=f"course-{abs(hash(source))}")
    cell.metadata["nbgrader"] = {"locked": True, "solution": False, "grade": False, **known}
    cell.metadata["nbjudge"] = {"origin": "template"}
    return cell


def hidden(source: str):
    """A grade cell."""
    cell = course(OBSERVE + source, grade=True, points=1)
    cell["id"] = "test"
    return cell


def student(source: str):
    """A cell of the student's own."""
    cell = new_code_cell(source)
    cell.metadata["nbjudge"] = {"origin": "student"}
    return cell


def ran(*cells, students=()) -> Run:
    notebook = new_notebook(cells=list(cells))
    notebook.metadata["nbjudge"] = {"students": list(students)}
    task = Task(json.dumps(notebook), Limits(cell_seconds=20), packages=("numpy", "torch"))
    return run(task, Isolation())


def values(texts) -> dict[str, object]:
    found = {}
    for payload in read_payloads(texts):
        if "observation" in payload:
            assert "raised" not in payload, payload
            value = decode(payload["value"])
            found[payload["observation"]] = value.tolist() if hasattr(value, "tolist") else value
    return found


def errors(done: Run) -> list[str]:
    cells = nbformat.reads(done.notebook, as_version=4).cells
    return [
        output.evalue
        for cell in cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def test_the_course_sees_pythons_builtins_and_its_own_imports():
    done = ran(
        course(
            "import numpy as np\ndef given(n):\n"
            "    return list(range(n)) + [float(np.ones(n).sum())]"
        ),
        student("list = [1, 2, 3]\nsum = 0\nprint = None\nnp = 'gone'\nfrom numpy import *"),
        course("print(sum([1, 2]), list('ab'), np.zeros(1))"),
        hidden("observe('given', given, 3)\nobserve('sum', lambda: sum(list((1, 2))))"),
    )
    assert errors(done) == []
    assert values(done.evidence["test"]) == {"given": [0, 1, 2, 3], "sum": 3}


def test_a_builtin_that_is_replaced_for_everybody_is_not_for_the_course():
    done = ran(
        student("import builtins\nbuiltins.abs = lambda x: -1"),
        hidden("observe('seen', lambda: abs(-2))"),
        student("mine = abs(-2)"),
        course("assert mine == -1 and abs(-2) == 2"),
    )
    assert errors(done) == []
    assert values(done.evidence["test"]) == {"seen": 2}


def test_a_students_function_keeps_the_names_that_its_student_chose():
    done = ran(
        course("limit = 3"),
        student("max = 7\nlimit = 5\ndef answer():\n    return max + limit"),
        hidden("observe('own', answer)\nobserve('the course', lambda: max(limit, 1))"),
    )
    assert values(done.evidence["test"]) == {"own": 12, "the course": 3}


def test_what_an_exercise_asks_for_is_the_students():
    cells = (course("size = 3"), student("size = 5"), hidden("observe('size', lambda: size)"))
    assert values(ran(*cells, students=["size"]).evidence["test"]) == {"size": 5}
    assert values(ran(*cells).evidence["test"]) == {"size": 3}


def test_a_later_definition_is_seen_by_given_functions():
    done = ran(
        course("def call():\n    return answer() + 1"),
        student("def answer():\n    return 1"),
        hidden("observe('call', call)"),
    )
    assert values(done.evidence["test"]) == {"call": 2}


def test_what_a_hidden_test_binds_is_not_in_the_notebook():
    done = ran(
        hidden("secret = 1\nobserve('secret', lambda: secret)"),
        student("found = 'secret' in globals()"),
        course("assert secret == 1 and not found"),
    )
    assert errors(done) == []


@pytest.mark.parametrize(
    ("change", "seen", "expected"),
    [
        ("torch.set_default_dtype(torch.float64)", "torch.zeros(1).dtype == torch.float32", True),
        ("torch.set_grad_enabled(False)", "torch.is_grad_enabled()", True),
        ("np.seterr(all='raise')", "np.geterr()['divide']", "warn"),
        (
            "import os, tempfile\nos.chdir(tempfile.mkdtemp())",
            "__import__('os').getcwd() == home",
            True,
        ),
        ("np.set_printoptions(precision=1)", "repr(np.array([0.123]))", "array([0.123])"),
        (
            "import io, sys\nsys.stdout = io.StringIO()",
            "hasattr(__import__('sys').stdout, 'topic')",
            True,
        ),
    ],
)
def test_the_course_has_its_settings_and_the_student_gets_theirs_back(change, seen, expected):
    done = ran(
        course("import os, sys\nimport numpy as np\nimport torch\nhome = os.getcwd()"),
        student(change),
        hidden(f"observe('seen', lambda: {seen})"),
        student(f"mine = {seen}"),
        course(f"assert mine != {expected!r}"),
    )
    assert errors(done) == []
    assert values(done.evidence["test"]) == {"seen": expected}
    assert values(done.on_own_ground["test"])["seen"] != expected


def test_what_a_hidden_test_puts_in_place_of_a_part_is_what_the_students_code_calls():
    done = ran(
        student("def part():\n    return 1\ndef whole():\n    return part() + 1"),
        hidden(
            "from nbjudge.kernel import testing\n"
            "with_parts = testing.stand_ins(globals(), part=lambda: 10)\n"
            "observe('with a stand-in', with_parts, whole)\nobserve('again', whole)"
        ),
        students=["part", "whole"],
    )
    assert values(done.evidence["test"]) == {"with a stand-in": 11, "again": 2}


def test_a_setting_of_the_courses_is_the_students_too():
    done = ran(
        course("import numpy as np\nnp.set_printoptions(precision=2)"),
        student("shown = repr(np.array([0.1234]))"),
        hidden("observe('shown', lambda: shown)"),
    )
    assert values(done.evidence["test"]) == {"shown": "array([0.12])"}
    assert done.on_own_ground == {}
