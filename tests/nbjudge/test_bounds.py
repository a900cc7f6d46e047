"""Bounds of what is kept of a notebook's messages, and of the memory that they take to read."""

import json
import os
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from small_course import ROOT

from nbjudge.core.limits import Limits
from nbjudge.judge.answer_key import observations, read_payloads
from nbjudge.sandbox import bubblewrap
from nbjudge.sandbox.engine import Task, run
from nbjudge.sandbox.isolation import Isolation

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bubblewrap.why_not() is not None, reason=str(bubblewrap.why_not())),
]

MOST_MEMORY = 400_000_000  # bytes of the process that runs a notebook and judges it


def graded(source, name):
    known = {"grade": True, "grade_id": name, "points": 1}
    return new_code_cell(source, id=name, metadata={"nbgrader": known})


def notebook_of(*cells):
    return json.dumps(new_notebook(cells=list(cells)))


RAW = """
import os, socket, stat, struct
kernel = get_ipython().kernel
session, parent = kernel.session, kernel.get_parent()
def send(content, kind="display_data", stream=None, **rest):
    topic = kernel._topic(kind) if stream is None else parent_identity()
    session.send(stream or kernel.iopub_socket, kind, content, parent, ident=topic, **rest)
def parent_identity():
    return kernel._parent_ident["shell"]
def connections():
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                one = socket.socket(fileno=os.dup(number))
                if "/run/kernel" in str(one.getsockname()) and one.getpeername() == "":
                    one.setblocking(True)
                    yield one
        except OSError:
            pass
def flood(data, times):
    for one in list(connections()):
        try:
            for _ in range(times):
                one.sendall(data)
        except OSError:
            pass
from nbjudge.kernel.evidence import MIME
def claim(value, number=0):
    send({"data": {MIME: {"observation": f"o{number}", "changed": False, "value": value}},
          "metadata": {}, "transient": {}})
"""

FLOODS = {
    "a display of 27 MB": "display({'text/plain': 'x' * 27_000_000}, raw=True)",
    "empty objects": "send({'data': {'a/b': [{}] * 2_900_000}, 'metadata': {}, 'transient': {}})",
    "small objects": "send({'data': {'a/b': [{'': 0}] * 1_250_000}, 'metadata': {}})",
    "as many as may be": "send({'data': {'a/b': [{'': 0}] * 560_000}, 'metadata': {}})",
    "a rare character": "send({'data': {'text/plain': 'x' * 11_000_000 + chr(0x1F600)}})",
    "objects as a text": "for _ in range(9): send({'data': {'a/b': [{'': 0}] * 100_000}})",
    "objects as JSON":
        "for _ in range(9):"
        " send({'data': {'application/json': [{'': 0}] * 90_000}, 'metadata': {}})",
    "objects as a traceback":
        "for _ in range(9):"
        " send({'ename': 'a', 'evalue': 'b', 'traceback': [{}] * 90_000}, 'error')",
    "objects as metadata": "send({'data': {}, 'metadata': [{'': 0}] * 90_000})",
    "evidence of small objects": "claim([{'': 0}] * 560_000)",
    "evidence of empty arrays":
        "for n in range(3): claim({'is': 'list', 'items': [{'is': 'array', 'dtype': '|b1',"
        "'shape': [1] * 16, 'data': 'AA=='}] * 30_000}, n)",
    "evidence of a gigabyte":
        "for n in range(150): claim({'is': 'text', 'text': 'x' * 7_000_000}, n)",
    "many buffers": "send({'data': {}}, buffers=[bytes(9_000_000)] * 40)",
    "a huge header": "send({'data': {}}, metadata={'x': [{}] * 3_000_000})",
    "many huge counts":
        "for _ in range(40): send({'execution_count': [{}] * 250_000}, 'execute_input')",
    "replies": "for _ in range(9): send({'status': 'ok', 'x': [{}] * 3_000_000}, 'execute_reply',"
        " kernel.shell_stream or kernel.shell_streams[0])",
    "parts without end": "flood(b'\\x03' + struct.pack('>Q', 8_000_000) + bytes(8_000_000), 99)",
    "small parts without end": "flood(b'\\x01\\x00' * 500_000, 200)",
    "small messages without end": "flood(b'\\x00\\x00' * 500_000, 200)",
    "one part without end": "flood(b'\\x02' + struct.pack('>Q', 2**60) + bytes(9_000_000), 99)",
    "commands without end": "flood(b'\\x04\\x05\\x04PING' * 200_000, 200)",
}  # fmt: skip

WATCHED = """
import json, sys
from nbjudge.core.limits import Limits
from nbjudge.judge.answer_key import observations, read_payloads
from nbjudge.sandbox.engine import Task, run
from nbjudge.sandbox.isolation import Isolation
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
for text in json.load(sys.stdin):
    open("/proc/self/clear_refs", "w").write("5")  # forget the earlier peak
    done = run(Task(text, Limits(cell_seconds=2)), Isolation())
    found = {cell: observations(read_payloads(texts)) for cell, texts in done.evidence.items()}
    last = list(found.get("last", ()))
    print(json.dumps([most(), len(done.notebook), last]), flush=True)
    done = found = None
"""


def watched(notebooks):
    """What running each took: the peak of memory, the notebook's size, the last evidence."""
    command = [sys.executable, "-c", WATCHED]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, input=json.dumps(notebooks), capture_output=True, text=True, env=environment,
        check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_grader_stays_small_whatever_a_notebook_sends():
    last = graded("from nbjudge import observe\nobserve('last', lambda: 1)", "last")
    notebooks = [notebook_of(graded(RAW + source, "flood"), last) for source in FLOODS.values()]
    found = dict(zip(FLOODS, watched(notebooks), strict=True))
    assert {what: peak for what, (peak, _, _) in found.items() if peak > MOST_MEMORY} == {}
    assert {what: end for what, (_, _, end) in found.items() if end != ["last"]} == {}
    assert max(size for _, size, _ in found.values()) < 5_000_000


def ran(*cells, **limits):
    return run(Task(notebook_of(*cells), Limits(**limits)), Isolation())


def printed(done):
    cells = json.loads(done.notebook)["cells"]
    return ["".join(part.get("text", "") for part in cell["outputs"]) for cell in cells]


def test_loud_cells_make_no_large_notebook_and_each_that_is_cut_says_so():
    cells = [new_code_cell("print('x' * 50_000)", id=f"c{n}") for n in range(30)]
    done = ran(*cells, output_characters=40_000, notebook_characters=400_000)
    assert len(done.notebook) < 420_000
    texts = printed(done)
    assert all("The rest of this cell's output is not kept" in text for text in texts)
    assert texts[0].count("x") == 40_000 and "x" * 100 not in texts[-1]
    assert set(done.cut) == {f"c{n}" for n in range(30)} and not done.stopped


def test_what_is_cut_costs_no_evidence():
    loud = new_code_cell("print('x' * 2_000_000)", id="loud")
    test = graded(
        "from nbjudge import observe\nprint('y' * 2_000_000)\nobserve('sum', lambda: 3)", "test"
    )
    done = ran(loud, test, output_characters=1000)
    assert list(observations(read_payloads(done.evidence["test"]))) == ["sum"]


def test_evidence_is_kept_only_of_grade_cells_and_as_text():
    observe = "from nbjudge import observe\nobserve('one', lambda: 1)"
    done = ran(new_code_cell(observe, id="own"), graded(observe, "test"))
    assert set(done.evidence) == {"test"}
    assert all(isinstance(text, str) for text in done.evidence["test"])


def test_of_too_much_evidence_the_largest_is_dropped_and_the_others_count():
    source = "import numpy as np\nfrom nbjudge import observe\n"
    huge = graded(f"{source}for n in range(3): observe(str(n), np.zeros, 100_000)", "huge")
    small = graded(f"{source}observe('small', np.zeros, 10)", "small")
    done = ran(huge, small, evidence_mb=2)
    seen = {name: list(observations(read_payloads(done.evidence[name]))) for name in done.evidence}
    assert seen == {"huge": ["0"], "small": ["small"]}
    assert "the largest observations do not count" in done.cut["huge"]
    assert "small" not in done.cut
