"""`observe`: one failure costs one observation, inputs are copies, no judge means no marks."""

import numpy as np
import pytest

from nbjudge import observe
from nbjudge.kernel import evidence
from nbjudge.kernel.observe import FLOAT_INPUTS, _observation


def observation(function, *arguments):
    return evidence.read_observation(_observation("it", function, arguments))


def test_the_value_is_recorded():
    seen = observation(lambda x: x + 1, np.zeros(2))
    np.testing.assert_array_equal(seen.value, [1.0, 1.0])
    assert not seen.changed and seen.raised is None


@pytest.mark.parametrize("error", [ValueError, SystemExit, GeneratorExit, RecursionError])
def test_whatever_is_raised_becomes_evidence(error):
    def fails():
        raise error("hm")

    assert observation(fails).raised == evidence.Raised(error.__name__, "hm")


def test_an_interrupt_ends_the_cell():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observation(interrupted)


def test_an_error_that_cannot_be_printed_is_still_evidence():
    class Hostile(Exception):
        def __str__(self):
            raise RuntimeError

    def fails():
        raise Hostile

    assert observation(fails).raised == evidence.Raised("Hostile", "")


def test_arguments_are_copies_and_changes_in_place_are_seen():
    weights = [np.ones(3), np.zeros(2)]

    def doubles(arrays):
        arrays[0] *= 2
        return arrays[0]

    assert observation(doubles, weights).changed
    np.testing.assert_array_equal(weights[0], np.ones(3))
    assert not observation(lambda arrays: arrays[0] * 2, weights).changed


@pytest.mark.parametrize(
    "value", [np.array([np.nan, 1.0]), np.arange(6.0)[::2], [1, 2], {"a": {"b": 0.5}}, 3, "text"]
)
def test_a_function_that_only_reads_changes_nothing(value):
    assert not observation(lambda given: repr(given), value).changed


def change_an_array(given):
    given["w"][0][1] = -0.0


def remove_an_item(given):
    given["w"].pop()


def rename_an_item(given):
    given["v"] = given.pop("w")


def change_a_dtype(given):
    given["w"][0] = given["w"][0].astype("float32")


@pytest.mark.parametrize(
    "change", [change_an_array, remove_an_item, rename_an_item, change_a_dtype]
)
def test_changes_of_every_kind_are_seen(change):
    given = {"w": [np.zeros(3), "text"]}
    assert observation(change, given).changed
    assert list(given) == ["w"] and len(given["w"]) == 2 and given["w"][0].dtype == "float64"


def test_changes_in_what_cannot_be_copied_are_seen():
    def doubles(given):
        given[1][:] *= 2

    assert observation(doubles, [iter("ab"), np.ones(2), (n for n in "ab")]).changed


def test_half_a_surrogate_pair_in_a_message_does_no_harm():
    def fails():
        raise ValueError("\ud83d")

    assert observation(fails).raised == evidence.Raised("ValueError", "?")


def test_an_argument_that_holds_itself_can_be_observed():
    endless: list = []
    endless.append(endless)
    seen = observation(lambda items: len(items), endless)
    assert seen.value == 1 and not seen.changed


def test_too_large_a_value_is_evidence_too():
    seen = observation(lambda: np.zeros(evidence.MAX_BYTES))
    assert seen.raised is not None and seen.raised.type == "TooLarge"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_build_can_cast_float_inputs(monkeypatch, dtype):
    monkeypatch.setenv(FLOAT_INPUTS, dtype)
    kinds = observation(
        lambda arrays, ids, table: [str(arrays[0].dtype), str(ids.dtype), str(table["w"].dtype)],
        [np.ones(2)],
        np.arange(3),
        {"w": np.ones(2)},
    ).value
    assert kinds == [dtype, "int64", dtype]


def test_without_a_judge_it_prints_what_it_saw(monkeypatch, capsys):
    monkeypatch.delenv("NBJUDGE_LISTENS", raising=False)
    assert observe("twice one", lambda x: 2 * x, 1.0) is None
    observe("a failure", lambda: 1 / 0)
    printed = capsys.readouterr().out
    assert "observed 'twice one': 2." in printed
    assert "raised ZeroDivisionError" in printed


def test_under_nbgrader_without_the_judge_the_cell_fails(monkeypatch):
    monkeypatch.delenv("NBJUDGE_LISTENS", raising=False)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(RuntimeError, match="no judge is listening"):
        observe("anything", lambda: 1)
