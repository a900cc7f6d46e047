"""The engine's seam: evidence as it arrives, and a cell that stops the kernel costs its own."""

import asyncio
import json
import signal

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbjudge.core.limits import Limits
from nbjudge.judge.answer_key import observations, read_payloads
from nbjudge.sandbox.engine import Task, run
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.kept import Kept

pytestmark = pytest.mark.kernel

OBSERVE = "from nbjudge import observe\n"


def grade_cell(source, name):
    known = {"grade": True, "grade_id": name, "points": 1}
    return new_code_cell(source, id=name, metadata={"nbgrader": known})


def run_cells(*sources, seconds=20, **settings):
    cells = [grade_cell(source, f"cell-{n}") for n, source in enumerate(sources)]
    task = Task(json.dumps(new_notebook(cells=cells)), Limits(cell_seconds=seconds), **settings)
    return run(task, Isolation())


def names(result, cell):
    return list(observed(result, cell))


def observed(result, cell):
    return observations(read_payloads(result.evidence.get(cell, ())))


def test_evidence_is_kept_by_the_cell_it_was_made_in():
    result = run_cells(
        OBSERVE + "observe('one', lambda: 1)",
        "observe('two', lambda: 2)\nobserve('three', lambda: 3)",
    )
    assert names(result, "cell-0") == ["one"]
    assert names(result, "cell-1") == ["two", "three"]


def test_later_cells_cannot_rewrite_evidence():
    result = run_cells(
        OBSERVE + "from IPython.display import display, clear_output\n"
        "handle = display(1, display_id='x')\nobserve('one', lambda: 1)\nclear_output()",
        "from nbjudge.kernel.evidence import MIME, encode\n"
        "forged = {'observation': 'one', 'value': encode(5), 'changed': False}\n"
        "handle.update({MIME: forged}, raw=True)\nclear_output()",
    )
    assert observed(result, "cell-0")["one"].value == 1
    assert "cell-1" not in result.evidence


def test_later_cells_cannot_rewrite_what_an_earlier_one_showed():
    result = run_cells(
        "shown = display('at first', display_id='x')",
        "shown.update('hidden input')\nfresh = display('draft', display_id='y')\n"
        "fresh.update('final')",
    )
    first, second = json.loads(result.notebook)["cells"]
    assert "at first" in str(first["outputs"]) and "hidden" not in str(first["outputs"])
    assert "final" in str(second["outputs"])


def test_evidence_arrives_however_much_is_shown_around_it():
    flood = "for i in range(3000): display(i)"
    source = "\n".join(f"{flood}\nobserve('{n}', lambda: {n})" for n in range(3))
    for _ in range(2):
        assert names(run_cells(OBSERVE + source), "cell-0") == ["0", "1", "2"]


def test_a_run_that_lost_evidence_is_repeated_once(monkeypatch):
    complete = iter([False])
    monkeypatch.setattr(Kept, "is_complete", lambda self: next(complete))
    result = run_cells(OBSERVE + "observe('one', lambda: 1)")
    assert names(result, "cell-0") == ["one"] and next(complete, None) is None


def test_lost_evidence_is_noticed_by_its_numbers():
    for numbers, is_complete in {(0, 1, 2): True, (0, 2): False, (0, None): False}.items():
        kept = Kept(Limits())
        for cell, number in enumerate(numbers):
            kept.begin(str(cell), is_graded=bool(cell))
            kept.add({"number": number})
        assert kept.is_complete() is is_complete


def test_evidence_is_no_part_of_the_notebook():
    assert "observation" not in run_cells(OBSERVE + "observe('one', lambda: 1)").notebook.replace(
        OBSERVE, ""
    )


def test_a_cell_that_ends_the_process_costs_only_itself():
    result = run_cells(
        OBSERVE + "observe('before', lambda: 1)",
        "import os; os._exit(3)",
        "observe('after', lambda: 1)",
    )
    assert names(result, "cell-0") == ["before"] and names(result, "cell-2") == ["after"]
    assert result.stopped == {"cell-1": "ended the Python process"}


def test_a_cell_that_hangs_keeps_what_it_showed_before():
    result = run_cells(
        OBSERVE,
        "observe('before', lambda: 1)\nwhile True: pass",
        "observe('after', lambda: 1)",
        seconds=2,
    )
    assert names(result, "cell-1") == ["before"] and names(result, "cell-2") == ["after"]
    assert "longer than 2 seconds" in result.stopped["cell-1"]


def test_after_too_many_stops_the_rest_is_not_run():
    result = run_cells(*["import os; os._exit(0)"] * 5, OBSERVE + "observe('x', lambda: 1)")
    assert set(result.stopped) == {f"cell-{n}" for n in range(6)}
    assert result.evidence.get("cell-5", ()) == ()


def test_a_notebook_runs_where_an_event_loop_runs_already():
    async def formgrader():
        return [run_cells(OBSERVE + "observe('one', lambda: 1)") for _ in range(2)]

    for result in asyncio.run(formgrader()):
        assert names(result, "cell-0") == ["one"]


def test_training_is_not_run():
    cells = [
        new_code_cell("print('trained')", id="a", metadata={"tags": ["training"]}),
        new_code_cell("print('run')", id="b", metadata={"tags": ["experiment"]}),
    ]
    result = run(Task(json.dumps(new_notebook(cells=cells))), Isolation())
    outputs = [cell["outputs"] for cell in json.loads(result.notebook)["cells"]]
    assert [bool(found) for found in outputs] == [False, True]


def test_a_kernel_sees_few_variables_and_only_the_tasks_files(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "hush")
    result = run_cells(
        "import os; e = os.environ\n"
        "print(sorted(os.listdir()), e.get('COURSE_SECRET'), e['PROFILE'])",
        files={"data.csv": b"1,2"},
        environment={"PROFILE": "smoke"},
    )
    assert "['data.csv'] None smoke" in result.notebook


def test_endless_output_is_cut():
    result = run_cells("for _ in range(3000): print('x' * 1000)")
    assert len(result.notebook) < 2_000_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_left_as_they_were(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        run_cells("1 + 1")
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
