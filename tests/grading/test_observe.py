"""`observe`: one failure costs one observation, inputs are copies, no judge means no marks."""

import numpy as np
import pytest

from lmlib.grading import evidence, observe
from lmlib.grading.observe import FLOAT_INPUTS, _observation


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
    monkeypatch.delenv("LMLIB_JUDGE", raising=False)
    assert observe("twice one", lambda x: 2 * x, 1.0) is None
    observe("a failure", lambda: 1 / 0)
    printed = capsys.readouterr().out
    assert "observed 'twice one': 2." in printed
    assert "raised ZeroDivisionError" in printed


def test_under_nbgrader_without_the_judge_the_cell_fails(monkeypatch):
    monkeypatch.delenv("LMLIB_JUDGE", raising=False)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(RuntimeError, match="no judge is listening"):
        observe("anything", lambda: 1)
