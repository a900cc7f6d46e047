"""Names for what went wrong are true, and no sentence carries hidden inputs out."""

import numpy as np
import pytest
from test_judge import expectation, payload

from nbjudge.judge.answer_key import CellKey, MistakeEvidence, observations
from nbjudge.judge.judge import judge_cell
from nbjudge.kernel import expect


def raised(name, kind, message):
    return {"observation": name, "changed": False, "raised": {"type": kind, "message": message}}


def cell(*expectations, **mistakes):
    """A cell of four points whose known mistakes show some payloads each."""
    known = tuple(
        MistakeEvidence(name, f"This is {name}.", None, tuple(payloads))
        for name, payloads in mistakes.items()
    )
    return CellKey("cell", 4, expectations, known)


def named(key, *payloads):
    return judge_cell(key, observations(payloads)).mistake


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (3x4 and 5x3)"),
        ("ValueError", "operands could not be broadcast together with shapes (2,3) (4,)"),
        ("TypeError", "unsupported operand type(s) for *: 'NoneType' and 'float'"),
        ("AttributeError", "'Head' object has no attribute 'mask'"),
        ("NameError", "name 'hidden' is not defined"),
        ("IndexError", "index 7 is out of bounds for axis 0 with size 7"),
        ("NotImplementedError", ""),
    ],
)
def test_what_any_wrong_code_raises_names_nothing(kind, message):
    key = cell(expectation("a", 1.0), slip=[raised("a", kind, message)])
    assert named(key, raised("a", kind, message)) is None


def test_a_refusal_names_a_mistake_by_its_type_and_message_but_for_numbers():
    key = cell(expectation("a", 1.0), ready=[raised("a", "Refused", "no sort() of 12 numbers")])
    assert named(key, raised("a", "Refused", "no sort() of 7.5 numbers")) == "ready"
    assert named(key, raised("a", "Refused", "no autograd")) is None
    assert named(key, raised("a", "RuntimeError", "no sort() of 12 numbers")) is None


def test_a_refusal_needs_no_message():
    key = cell(expectation("a", 1.0), ready=[raised("a", "ReadyAttention", "")])
    assert named(key, raised("a", "ReadyAttention", "")) == "ready"
    assert named(key, raised("a", "Derivative", "")) is None


def test_a_truth_value_names_nothing_and_many_do():
    one = cell(expectation("a", True, expect.equal()), slip=[payload("a", False)])
    assert named(one, payload("a", False)) is None
    mask, wrong = np.tri(3, dtype=bool), np.ones((3, 3), bool)
    many = cell(expectation("a", mask, expect.equal()), no_mask=[payload("a", wrong)])
    assert named(many, payload("a", wrong)) == "no_mask"


def test_nan_and_a_property_that_many_values_lack_name_nothing():
    key = cell(expectation("a", np.ones(3)), slip=[payload("a", np.full(3, np.nan))])
    assert named(key, payload("a", np.full(3, np.nan))) is None
    key = cell(expectation("a", "ab", expect.subset("ab")), slip=[payload("a", "xy")])
    assert named(key, payload("a", "z")) is None


def test_a_name_stays_when_something_else_is_wrong_too():
    key = cell(
        expectation("a", 1.0),
        expectation("b", 2.0),
        slip=[payload("a", 7.0), payload("b", 2.0)],
        worse=[payload("a", 7.0), payload("b", 9.0)],
    )
    verdict = judge_cell(key, observations((payload("a", 7.0), payload("b", 5.0))))
    assert verdict.mistake == "slip"
    assert verdict.words == ("This is slip.", "B: the result is off by about 3.")
    assert named(key, payload("a", 7.0), payload("b", 9.0)) == "worse"
    assert named(key, payload("a", 6.0), payload("b", 5.0)) is None


def test_the_stand_in_decides_when_other_parts_are_wrong():
    entry = expectation("a", 1.0, stand_in="a, with stand-ins", stand_in_value=2.0)
    key = cell(entry, slip=[payload("a", 7.0), payload("a, with stand-ins", 8.0)])
    assert named(key, payload("a", 0.3), payload("a, with stand-ins", 8.0)) == "slip"
    assert named(key, payload("a", 7.0), payload("a, with stand-ins", 9.0)) is None


def test_of_two_wrong_observations_the_nearer_one_gives_the_words():
    entry = expectation("a", 1.0, stand_in="a, with stand-ins", stand_in_value=2.0)
    near = (payload("a", None), payload("a, with stand-ins", 2.1))
    assert judge_cell(cell(entry), observations(near)).words == (
        "A: the result is off by about 0.1.",
    )


P = np.array([0.7, 0.2, 0.1])


def test_one_who_draws_is_not_told_that_nothing_was_drawn():
    key = cell(
        expectation("a", np.array([700, 200, 100]), expect.frequencies(P)),
        argmax=[payload("a", np.array([1000, 0, 0]))],
    )
    assert named(key, payload("a", np.array([1000, 0, 0]))) == "argmax"
    assert named(key, payload("a", np.array([999, 1, 0]))) == "argmax"
    assert named(key, payload("a", np.array([994, 5, 1]))) is None


def test_draws_from_another_distribution_get_no_name_of_a_similar_one():
    draws = np.random.default_rng(3)
    sharper, flat = P**2 / (P**2).sum(), np.ones(3) / 3
    key = cell(
        expectation("a", draws.multinomial(2000, P), expect.frequencies(P)),
        flat=[payload("a", draws.multinomial(2000, flat))],
    )
    told = [named(key, payload("a", draws.multinomial(2000, flat))) for _ in range(200)]
    assert told.count("flat") >= 190
    assert not any(named(key, payload("a", draws.multinomial(2000, sharper))) for _ in range(200))


def test_the_name_of_a_variable_keeps_its_capitals():
    [words] = judge_cell(cell(expectation("dLdWk", 1.0)), observations(())).words
    assert words == "The code of this exercise could not be called."
    seen = observations((payload("other", 1.0),))
    assert judge_cell(cell(expectation("dLdWk", 1.0)), seen).words == (
        "dLdWk: nothing was observed.",
    )


@pytest.mark.parametrize(
    ("right", "comparator", "wrong"),
    [
        (0.37, None, lambda n: float(n)),
        (0.37, None, lambda n: 0.37 + n / 1e6),
        (7, expect.equal(), lambda n: n + 8),
        ("text", expect.equal(), lambda n: "x" * (n % 900)),
        (["a", "b"], expect.close(1e-4), lambda n: ["a"] * (n % 500)),
        (np.ones(3), None, lambda n: np.ones((n % 500, 2))),
        ("ab", expect.subset("ab"), lambda n: "a" * (n % 900) + "x" * (n % 700)),
        (1.0, expect.at_most(2.0), lambda n: 3.0 + n),
    ],
)
def test_what_a_sentence_can_carry_out_is_a_byte(right, comparator, wrong):
    key = cell(expectation("a", right, comparator))
    numbers = np.random.default_rng(1).integers(0, 2**16, 300).tolist() + list(range(20))
    told = {judge_cell(key, observations((payload("a", wrong(n)),))).words for n in numbers}
    assert len(told) <= 100
