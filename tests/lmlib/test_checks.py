import re
from types import SimpleNamespace
from typing import Any

import IPython
import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from lmlib import checks


def failure(check: Any, *arguments: Any, **options: Any) -> str:
    """What a check that must fail says."""
    with pytest.raises(checks.CheckFailed) as caught:
        check(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ("to be", "to be"),
        (3, np.int64(3)),
        ([1, 2], np.array([1, 2])),
        (np.array([True, False]), [True, False]),
        (None, None),
        ({"a": 1}, {"a": 1}),
        (float("nan"), float("nan")),
    ],
)
def test_equal_things(actual: Any, expected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    checks.equal("the answer", actual, expected)
    assert capsys.readouterr().out == "✓ the answer\n"


CORNER = [[1.0, 2.0], [3.0, 4.0]]
MATRIX = np.array([[1.0, 2.0, 9.0], [3.0, 4.0, 9.0], [9.0, 9.0, 9.0]])


def test_first_rows_are_shown_beside_the_expected(capsys: pytest.CaptureFixture[str]) -> None:
    checks.first_rows("the output", MATRIX + 1e-4, CORNER)
    first, heading, *rows = capsys.readouterr().out.splitlines()
    assert first == "✓ the output"
    assert heading.split() == ["yours", "expected"]
    assert [row.split() for row in rows] == [
        ["[", "1.0001,", "2.0001],", "[", "1.0000,", "2.0000],"],
        ["[", "3.0001,", "4.0001],", "[", "3.0000,", "4.0000],"],
    ]


def test_first_rows_that_differ_are_shown_with_the_likeliest_cause() -> None:
    slips = {"it was doubled": (6.0, 8.0), "it was squared": (9.0,), "almost squared": (9.001,)}
    said = failure(checks.first_rows, "the output", MATRIX**2, CORNER, causes=slips)
    assert said.startswith("the output: the first rows differ.\n  yours")
    assert said.endswith(
        "[  9.0000,  16.0000],  [  3.0000,   4.0000],\n  It looks as if it was squared."
    )
    said = failure(checks.first_rows, "the output", MATRIX + 1, CORNER, causes=slips)
    assert "It looks" not in said
    assert "nan" in failure(checks.first_rows, "the output", MATRIX * np.nan, CORNER, causes=slips)


@pytest.mark.parametrize(
    ("actual", "sentence"),
    [
        (None, r"expected a matrix, at least (2, 2), got None (does the function"),
        (np.zeros(7), "got shape (7,)"),
        (np.zeros((1, 7)), "got shape (1, 7)"),
        (3.0, "got a single number"),
    ],
)
def test_what_is_no_such_matrix_is_told(actual: Any, sentence: str) -> None:
    assert sentence in failure(checks.first_rows, "the output", actual, CORNER)


def test_texts_are_compared_character_by_character() -> None:
    said = failure(checks.equal, "the text", "to bee or", "to be or ", hint="Look at the spaces.")
    assert said.startswith("the text: expected 'to be or ', got 'to bee or'")
    assert "first differ at position 5: ' ' expected, 'e' found" in said
    assert said.endswith("Look at the spaces.")
    assert "expected 40 characters, got 2" in failure(checks.equal, "the text", "to", "x" * 40)
    assert "got None (does the function return" in failure(checks.equal, "the text", None, "to")


def test_numbers_say_where_and_by_how_much() -> None:
    actual = np.array([[1.0, 2.0], [3.5, 9.0]])
    said = failure(checks.close, "the loss", actual, [[1.0, 2.0], [3.0, 4.0]])
    assert "2 of 4 numbers differ; the first is 3.5, but 3 is expected" in said
    assert "at index [1, 0], a difference of 0.5" in said
    said = failure(checks.close, "the row", [0.5, 2.0], [0.5, 2.5])
    assert said.endswith("a difference of 0.5. Yours are [0.5, 2].")
    assert "the number is 2, but 3 is expected, a difference of 1" in failure(
        checks.equal, "n", 2, 3
    )


def test_close_keeps_its_tolerances() -> None:
    checks.close("within rtol", 100.0009, 100.0)
    checks.close("within atol", 0.01, 0.0, atol=0.02)
    failure(checks.close, "outside rtol", 100.002, 100.0)
    failure(checks.equal, "equal has none", 100.0000001, 100.0)


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        (None, "got None (does the function return its result?)"),
        ("12", "got the text '12'"),
        ([1.0, 2.0, 3.0], r"expected shape (2,), got shape (3,)"),
        (1.0, "expected shape (2,), got a single number"),
        ([1.0, float("nan")], "there is a NaN (not a number) at index [1]"),
        ([[1.0], [1.0, 2.0]], "expected an array of floats with shape (2,), got a list."),
        ({1.0, 2.0}, "got an object of type set"),
        ([1, 2], "expected an array of floats, got an array of integers (the first is 1)."),
        ([1.0, float("inf")], "inf, but 2 is expected"),
    ],
)
def test_what_is_no_such_array(actual: Any, words: str) -> None:
    assert words in failure(checks.close, "the state", actual, [1.0, 2.0])


def test_another_kind_of_number_is_told_with_the_number() -> None:
    said = failure(checks.equal, "the count", 2.0, 2)
    assert said == "the count: expected an integer, got a float (2.0)."
    assert "expected a truth value, got an integer (1)" in failure(checks.equal, "it", 1, True)


def test_in_lists_and_dicts_the_place_is_told() -> None:
    said = failure(
        checks.close, "the state", {"w": [[1.0], [1.0, 3.0]]}, {"w": [[1.0], [1.0, 2.0]]}
    )
    assert said.startswith("the state: under 'w', in item 1, 1 of 2 numbers differ")
    assert failure(checks.equal, "the tokens", ["a"], ["a", "b"]) == (
        "the tokens: expected a list of 2 items, got one of 1."
    )
    assert failure(checks.equal, "the costs", {"a": 1}, {"a": 1, "b": 2}) == (
        "the costs: expected a dictionary with 'a, b', got one with 'a'."
    )
    assert failure(checks.equal, "the costs", {}, {"a": 1}).endswith("got one with nothing in it.")


def test_what_no_check_can_compare_is_told() -> None:
    said = failure(checks.equal, "the tokens", {1, 2}, {1, 2})
    assert said == "the tokens: expected an object of type set, which no check can compare."


def test_shape() -> None:
    checks.shape("the state", np.zeros((2, 3)), (2, 3))
    checks.shape("the loss", 1.5, ())
    assert "expected shape (3, 2), got shape (2, 3)" in failure(
        checks.shape, "the state", np.zeros((2, 3)), (3, 2)
    )
    assert "expected an array, got None" in failure(checks.shape, "the state", None, (3,))


def test_first_rows_of_another_kind_are_told() -> None:
    said = failure(checks.first_rows, "the output", np.ones((3, 3), int), CORNER)
    assert "expected an array of floats, got an array of integers (the first is 1)" in said


def test_that(capsys: pytest.CaptureFixture[str]) -> None:
    checks.that(np.bool_(True), "The text starts with the prompt")
    assert capsys.readouterr().out == "✓ The text starts with the prompt\n"
    assert failure(checks.that, False, "The text starts with the prompt") == (
        "The text starts with the prompt"
    )


def test_a_cause_that_fits_is_named_in_place_of_the_hint() -> None:
    causes = {"it was doubled": 2.0, "it was halved": 0.5}
    for actual, words in ((2.0, "It looks as if it was doubled."), (3.0, "Is it one?")):
        with pytest.raises(checks.CheckFailed, match=f"{re.escape(words)}$"):
            checks.close("the number", actual, 1.0, hint="Is it one?", causes=causes)


def test_that_says_what_is_the_case_instead() -> None:
    with pytest.raises(checks.CheckFailed, match="^it is even: got 3.$"):
        checks.that(False, "it is even", "got 3.")


def test_several_things_come_back_as_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.parts("step", (1, 2), "h", "p") == [1, 2]
    assert capsys.readouterr().out == "✓ step returns h and p\n"


@pytest.mark.parametrize(
    ("came", "words"),
    [
        (None, "got None (does the function return its result?)."),
        (0.5, "got an object of type float."),
        ("hp", "got the text 'hp'."),
        ((1, 2, 3), "expected 2 things, got 3."),
    ],
)
def test_what_is_not_so_many_things_is_told(came: Any, words: str) -> None:
    with pytest.raises(checks.CheckFailed) as failed:
        checks.parts("step", came, "h", "p")
    assert str(failed.value) == f"step returns h and p: {words}"


def test_missing_entries_are_named() -> None:
    with pytest.raises(checks.CheckFailed, match="with 'a', 'b': 'b' is missing.$"):
        checks.entries("what comes back", {"a": 1}, "a", "b")
    with pytest.raises(checks.CheckFailed, match="got None"):
        checks.entries("what comes back", None, "a")


def test_what_is_no_figure_is_told() -> None:
    with pytest.raises(checks.CheckFailed, match="draw returns a figure: got None"):
        checks.figure("draw", None)


def test_a_call_cannot_spoil_its_arguments() -> None:
    def spoil(arrays: list[np.ndarray], length: int) -> int:
        arrays[0][:] = 0
        return length + 1

    arrays = [np.ones(3)]
    assert checks.call(spoil, arrays, 2) == 3
    assert arrays[0].all()


def test_an_unsolved_function_is_named() -> None:
    def step() -> None:
        raise NotImplementedError()

    def sample() -> None:
        step()

    with pytest.raises(checks.NotSolvedYet, match="^step is not written yet: replace the line"):
        checks.call(sample)


def test_other_errors_come_through() -> None:
    def library() -> None:
        raise NotImplementedError("no such kernel for this type")

    with pytest.raises(NotImplementedError, match="no such kernel"):
        checks.call(library)
    with pytest.raises(ZeroDivisionError):
        checks.call(lambda: 1 / 0)


def in_notebook(monkeypatch: pytest.MonkeyPatch, *cells: str) -> None:
    """Let only_packages see these cells, as if a notebook had run them."""
    shell = SimpleNamespace(
        user_ns={"In": ["", *cells]}, transform_cell=TransformerManager().transform_cell
    )
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)


def test_allowed_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    in_notebook(
        monkeypatch,
        "%matplotlib inline\nimport numpy as np, os.path",
        "from lmlib import corpora\nimport lmlib.checks\n!ls",
        "this is no Python",
        "'import torch'  # import torch",
    )
    checks.only_packages("numpy", "lmlib")


@pytest.mark.parametrize(
    "line",
    [
        "import torch",
        "import torch.nn as nn",
        "import numpy, torch",
        "from torch.nn import functional",
        "torch = __import__('torch')",
        "import importlib; importlib.import_module('torch.nn')",
        "%time import torch",
    ],
)
def test_another_package_is_named_with_its_place(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_notebook(monkeypatch, "import numpy", f"x = 1\nif x:\n    {line}")
    said = failure(checks.only_packages, "numpy")
    assert "cell [2], line 3, imports torch" in said
    assert "that cell would fail" in said


def test_an_import_under_a_cell_magic_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    in_notebook(monkeypatch, "%%time\nx = 1\nimport torch")
    assert "cell [1], line 3, imports torch" in failure(checks.only_packages, "numpy")


def test_only_packages_needs_a_notebook() -> None:
    with pytest.raises(RuntimeError, match="call it in a notebook"):
        checks.only_packages("numpy")


def run(source: str) -> list[str]:
    """The lines that Jupyter shows as the error of a notebook's second cell."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell("from lmlib import checks\nimport nbformat"),
        nbformat.v4.new_code_cell(source),
    ]
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return list(notebook.cells[1].outputs[-1].traceback)


@pytest.mark.kernel
def test_jupyter_shows_a_few_words_and_no_traceback() -> None:
    unsolved = "def sample():\n    raise NotImplementedError()\nchecks.call(sample)"
    assert run(unsolved) == [
        "… sample is not written yet: replace the line `raise NotImplementedError()` in its cell,\n"
        "  run that cell, then run this one again."
    ]
    assert run("checks.only_packages('lmlib')")[0].startswith(
        "✗ only lmlib and the standard library are imported: cell [1], line 2, imports nbformat."
    )


def test_a_long_message_is_broken_between_words_and_a_table_not_at_all() -> None:
    sentence = "the first rows differ" + 20 * " in many words"
    table = "\n".join("  " + 40 * "0.25 " for _ in range(2))
    (shown,) = checks.CheckFailed(f"{sentence}:\n{table}")._render_traceback_()
    *lines, first_row, second_row = shown.split("\n")
    assert len(lines) > 2 and all(len(line) <= 88 for line in lines)
    assert " ".join(map(str.strip, lines)) == f"✗ {sentence}:"
    assert f"{first_row}\n{second_row}" == table


def test_a_tensor_that_another_call_has_made_can_be_given_to_the_next() -> None:
    torch = pytest.importorskip("torch")
    hidden = torch.ones(2, requires_grad=True) * 3  # knows how it was made
    again = checks.call(lambda state: state.mul_(2), hidden)
    assert again.tolist() == [6.0, 6.0] and hidden.tolist() == [3.0, 3.0]
