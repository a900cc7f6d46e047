"""The wire format: what is sent arrives, and nothing that was not sent by `encode` is let in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nbjudge.kernel import evidence
from nbjudge.kernel.evidence import BadEvidence, Opaque, TooLarge, decode, encode

ARRAYS = hnp.arrays(
    dtype=st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_]),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, max_side=4),
)


@given(ARRAYS)
def test_arrays_arrive_as_they_were(array):
    arrived = decode(encode(array))
    np.testing.assert_array_equal(arrived, array)
    assert arrived.dtype.kind == array.dtype.kind and arrived.shape == array.shape


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=9))
def test_texts_and_nested_lists_arrive_as_they_were(value):
    assert decode(encode(value)) == value


def test_what_cannot_be_compared_travels_by_name_only():
    assert decode(encode(object())) == Opaque("object")
    assert decode(encode([object(), "a"])) == [Opaque("object"), "a"]
    assert decode(encode(10**30)) == Opaque("int")
    assert decode(encode(1 + 2j)) == Opaque("complex")


def test_half_a_surrogate_pair_is_replaced():
    assert decode(encode("a\ud83d")) == "a?"
    assert decode(encode({"\ud83d": ["\ud83d"]})) == {"?": ["?"]}


def test_a_ragged_list_stays_a_list():
    first, second = decode(encode([[1.0], [1.0, 2.0]]))
    assert first.shape == (1,) and second.shape == (2,)


def test_what_is_too_large_or_too_deep_is_not_sent():
    with pytest.raises(TooLarge):
        encode(np.zeros(evidence.MAX_BYTES // 8 + 1))
    with pytest.raises(TooLarge):
        encode("x" * (evidence.MAX_BYTES + 1))
    endless: list = []
    endless.append(endless)
    with pytest.raises(TooLarge):
        encode(endless)
    with pytest.raises(TooLarge):
        encode([None] * (evidence.MAX_ITEMS + 1))


ARRAY = encode(np.ones(3))


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "text",
        {},
        {"is": "pickle", "data": "gASVAAAA"},
        ARRAY | {"dtype": "|O"},
        ARRAY | {"dtype": ">f8"},
        ARRAY | {"dtype": "V8"},
        ARRAY | {"dtype": "<f8,<f8"},
        ARRAY | {"shape": [4]},
        ARRAY | {"shape": [-3]},
        ARRAY | {"shape": [True, 3]},
        ARRAY | {"shape": [2**70]},
        ARRAY | {"shape": [1] * 40},
        ARRAY | {"shape": [0, *[2**39] * 5], "data": ""},
        ARRAY | {"data": "not base64!"},
        {"is": "text", "text": 5},
        {"is": "list", "items": {"is": "none"}},
        {"is": "dict", "items": [["a"]]},
        {"is": "dict", "items": [[1, {"is": "none"}]]},
    ],
    ids=repr,
)
def test_forged_values_are_refused(forged):
    with pytest.raises(BadEvidence):
        decode(forged)


def test_deep_nesting_is_refused():
    value: dict = {"is": "none"}
    for _ in range(50):
        value = {"is": "list", "items": [value]}
    with pytest.raises(BadEvidence):
        decode(value)


def test_many_items_are_refused():
    items = [{"is": "none"}] * (evidence.MAX_ITEMS + 1)
    with pytest.raises(BadEvidence):
        decode({"is": "list", "items": items})


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"observation": 5, "value": {"is": "none"}, "changed": False},
        {"observation": "x", "value": {"is": "none"}},
        {"observation": "x", "raised": "ValueError", "changed": False},
        {"expectation": "x", "comparator": {}, "guard": False},
        [],
    ],
    ids=repr,
)
def test_payloads_that_are_no_observation_are_refused(payload):
    with pytest.raises(BadEvidence):
        evidence.read_observation(payload)
