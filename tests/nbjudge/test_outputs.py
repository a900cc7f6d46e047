"""Outputs that a kernel sends: what a notebook can hold of them, and nothing else, is kept."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, output_from_msg

from nbjudge.sandbox.outputs import plain

ODD = [5, None, [], [5], {}, {"a": 1}, True, "text", ["text"], [["text"]]]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", {"name": "stdout", "text": "seen"}),
        ("error", {"ename": "a", "evalue": "b", "traceback": ["c"]}),
        ("display_data", {"data": {"text/plain": "seen"}, "metadata": {}}),
        ("execute_result", {"data": {"application/json": 5}, "metadata": {}, "execution_count": 1}),
    ],
)
def test_whatever_is_odd_in_a_message_the_notebook_stays_valid(kind, content, odd):
    contents = [{**content, name: odd} for name in (*content, "execution_count")]
    if "data" in content:
        contents += [
            {**content, "data": {name: odd}} for name in ("text/plain", "application/json", "")
        ]
    for one in contents:
        if (kept := plain(kind, one)) is None:
            continue
        cell = new_code_cell("", id="a", execution_count=kept.get("execution_count"))
        message = {"header": {"msg_type": kind}, "content": {"execution_count": None, **kept}}
        cell.outputs = [output_from_msg(message)]
        nbformat.validate(new_notebook(cells=[cell]))


def test_what_is_right_is_kept_as_it_is():
    for kind, content in {
        "stream": {"name": "stderr", "text": ""},
        "error": {"ename": "a", "evalue": "b", "traceback": []},
        "execute_result": {
            "data": {"application/json": {"b": 1}},
            "metadata": {"c": 1},
            "execution_count": 3,
        },
        "status": {"execution_state": "idle"},
    }.items():
        assert plain(kind, content) == content


def test_a_count_that_is_none_of_executions_is_left_out():
    for count in (True, -1, 1.5, "1", [1] * 100, 10**30):
        kept = plain("execute_input", {"code": "1", "execution_count": count})
        assert kept == {"code": "1", "execution_count": None}
