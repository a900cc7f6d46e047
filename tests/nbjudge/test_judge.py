"""The judge: shares, guards, stand-ins, known mistakes and the words that come with a score."""

import numpy as np
import pytest

from nbjudge.judge.answer_key import CellKey, Expectation, MistakeEvidence, observations
from nbjudge.judge.judge import judge_cell, round_to_quarters
from nbjudge.kernel import evidence, expect
from nbjudge.kernel.evidence import Observation, Raised


def expectation(name, value, comparator=None, stand_in_value=None, **settings):
    return Expectation(
        name,
        comparator or expect.close(1e-4),
        evidence.encode(value),
        stand_in_value=evidence.encode(stand_in_value),
        **settings,
    )


def payload(name, value, changed=False):
    return {"observation": name, "value": evidence.encode(value), "changed": changed}


def seen(**values):
    through_the_wire = {name: evidence.decode(evidence.encode(v)) for name, v in values.items()}
    return {name: Observation(name, value) for name, value in through_the_wire.items()}


FOUR = CellKey("cell", 5, tuple(expectation(name, float(i)) for i, name in enumerate("abcd")))


def test_all_that_match_earn_all_points():
    assert judge_cell(FOUR, seen(a=0.0, b=1.0, c=2.0, d=3.0)).score == 5


def test_the_score_is_the_share_rounded_to_quarters():
    verdict = judge_cell(FOUR, seen(a=0.0, b=1.0, c=2.0, d=9.0))
    assert (verdict.matched, verdict.expected, verdict.score) == (3, 4, 3.75)
    assert judge_cell(FOUR, seen(a=0.0, b=9.0, c=9.0, d=9.0)).score == 1.25


def test_rounding_never_makes_a_partial_score_full():
    assert round_to_quarters(4.95, 5) == 4.75
    assert round_to_quarters(5, 5) == 5
    assert round_to_quarters(0.2, 0.25) == 0


def test_a_missing_observation_does_not_match():
    verdict = judge_cell(FOUR, seen(a=0.0, b=1.0))
    assert verdict.score == 2.5 and "C: nothing was observed." in verdict.words


def test_an_observation_made_twice_counts_as_missing():
    twice = observations((payload("a", 9.0), payload("a", 0.0)))
    assert judge_cell(CellKey("cell", 1, (expectation("a", 0.0),)), twice).score == 0


def test_a_failed_guard_costs_and_a_kept_one_earns_nothing():
    guarded = CellKey(
        "cell", 4, (expectation("a", 1.0), expectation("b", 2.0), expectation("n", 3.0, guard=True))
    )
    assert judge_cell(guarded, seen(a=1.0, b=2.0, n=3.0)).score == 4
    assert judge_cell(guarded, seen(a=1.0, b=2.0, n=9.0)).score == 2
    assert judge_cell(guarded, seen(a=9.0, b=9.0, n=3.0)).score == 0


def test_changing_arguments_in_place_costs_the_observation():
    cell = CellKey("cell", 2, (expectation("a", 1.0),))
    verdict = judge_cell(cell, observations((payload("a", 1.0, changed=True),)))
    assert verdict.score == 0
    assert verdict.words == ("A: the function changed its arguments in place.",)


def test_a_stand_in_counts_where_it_is_better():
    """Each is compared with a value of its own: other parts lead to other values."""
    entry = expectation("a", 1.0, stand_in="a with given parts", stand_in_value=3.0)
    cell = CellKey("cell", 2, (entry,))
    assert judge_cell(cell, seen(**{"a": 9.0, "a with given parts": 3.0})).score == 2
    assert judge_cell(cell, seen(**{"a": 1.0, "a with given parts": 9.0})).score == 2
    assert judge_cell(cell, seen(**{"a": 9.0, "a with given parts": 1.0})).score == 0
    assert judge_cell(cell, seen(**{"a": 3.0, "a with given parts": 9.0})).score == 0


def mistake(credit=None, **values):
    payloads = tuple(payload(name, value) for name, value in values.items())
    return MistakeEvidence("slip", "It slipped.", credit, payloads)


TWO = (expectation("a", 1.0), expectation("b", 2.0))


def test_a_known_mistake_is_named_when_every_observation_is_its():
    cell = CellKey("cell", 4, TWO, (mistake(a=5.0, b=6.0),))
    verdict = judge_cell(cell, seen(a=5.0, b=6.0))
    assert (verdict.mistake, verdict.words, verdict.score) == ("slip", ("It slipped.",), 0)
    assert judge_cell(cell, seen(a=5.0, b=7.0)).mistake is None


@pytest.mark.parametrize(("credit", "score"), [(None, 2), (0.75, 3), (0.25, 2)])
def test_the_larger_of_share_and_credit_counts(credit, score):
    cell = CellKey("cell", 4, TWO, (mistake(credit, a=1.0, b=6.0),))
    assert judge_cell(cell, seen(a=1.0, b=6.0)).score == score


def test_a_right_answer_is_never_called_a_mistake():
    cell = CellKey("cell", 4, TWO, (mistake(a=1.0, b=2.0),))
    assert judge_cell(cell, seen(a=1.0, b=2.0)).mistake is None


def test_exceptions_are_told_by_pythons_own_names_only():
    cell = CellKey("cell", 1, (expectation("a", 1.0),))
    told = judge_cell(cell, {"a": Observation("a", None, Raised("IndexError", "secret input"))})
    assert told.words == ("A: the code raised an IndexError.",)
    told = judge_cell(cell, {"a": Observation("a", None, Raised("SecretInput", "secret"))})
    assert told.words == ("A: the code raised an exception.",)


def test_the_stub_is_called_unwritten():
    stub = {name: Observation(name, None, Raised("NotImplementedError", "")) for name in "abcd"}
    assert judge_cell(FOUR, stub).words == ("This exercise has not been written yet.",)


def test_a_cell_that_was_stopped_says_so():
    verdict = judge_cell(FOUR, seen(a=0.0), "took longer than 5 seconds and was stopped")
    assert verdict.words[-1] == "The hidden tests' cell took longer than 5 seconds and was stopped."


def test_only_the_first_differences_are_spelled_out():
    cell = CellKey("cell", 1, tuple(expectation(f"o{i}", np.ones(2)) for i in range(9)))
    words = judge_cell(cell, seen(**{f"o{i}": np.zeros(2) for i in range(9)})).words
    assert len(words) == 5 and words[-1] == "… and 5 more observations differ."
