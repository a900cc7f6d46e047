"""Wire format of evidence: values as plain JSON, without pickle, within strict limits.

`encode` runs in the student's process, `decode` in the trusted one.  `decode` trusts nothing:
every size, dtype, and nesting depth is checked before memory is allocated for it.

An encoded value is one of

    {"is": "array", "dtype": "<f8", "shape": [2, 3], "data": base64}
    {"is": "text", "text": str}          {"is": "none"}
    {"is": "list", "items": [...]}       {"is": "dict", "items": [[key, value], ...]}
    {"is": "other", "type": str}         what the judge cannot compare: its type's name
"""

import base64
import binascii
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

MIME = "application/vnd.nbjudge.evidence+json"
"""The media type under which a kernel sends evidence."""

MAX_BYTES = 8_000_000
"""The largest observation, in bytes of array data and of text in UTF-8.

It belongs to the wire format, so no course can set it: each side must accept what the other
sends, and old answer keys must remain readable.
"""

MAX_DEPTH = 8
MAX_ITEMS = 100_000
_DTYPES = frozenset(
    np.dtype(name).newbyteorder("<").str
    for name in (
        ["bool", "float16", "float32", "float64"]
        + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    )
)


class BadEvidence(ValueError):
    """Evidence that breaks the wire format or its limits."""


class TooLarge(ValueError):
    """A value too large to be sent as an observation."""


class Opaque(NamedTuple):
    """A value that the judge cannot compare; only the name of its type was sent."""

    type: str


@dataclass(frozen=True)
class Raised:
    """An exception that the observed function raised: its type's name and message."""

    type: str
    message: str


@dataclass(frozen=True)
class Observation:
    """Result of one call of `observe`.

    `value` is an array, text, None, a list, a dict or Opaque (None also if the call raised);
    `changed` says whether the call modified its arguments in place.
    """

    name: str
    value: Any
    raised: Raised | None = None
    changed: bool = False


def encode(value: Any) -> dict[str, Any]:
    """`value` as plain JSON.

    Numbers, arrays, tensors and regular nested sequences of numbers become arrays.

    Raises TooLarge if the value holds more than MAX_BYTES bytes or MAX_ITEMS items, or is
    nested deeper than MAX_DEPTH.
    """
    return _Encoder().encode(value, depth=0)


class _Encoder:
    """Encoder of one value that counts its contents against the limits."""

    def __init__(self) -> None:
        self.bytes = 0
        self.items = 0

    def spend(self, size: int, items: int = 0) -> None:
        self.bytes += size
        self.items += items
        if self.bytes > MAX_BYTES or self.items > MAX_ITEMS:
            raise TooLarge("the value is too large to be observed")

    def encode(self, value: Any, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise TooLarge("the value is nested too deeply to be observed")
        if value is None:
            return {"is": "none"}
        if isinstance(value, str):
            return {"is": "text", "text": self.encode_text(value)}
        if isinstance(value, dict):
            self.spend(0, len(value))
            items = [
                [self.encode_text(str(key)), self.encode(item, depth + 1)]
                for key, item in value.items()
            ]
            return {"is": "dict", "items": items}
        array = as_array(value)
        if array is not None:
            return self.encode_array(array)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, list | tuple):
            self.spend(0, len(value))
            return {"is": "list", "items": [self.encode(item, depth + 1) for item in value]}
        return {"is": "other", "type": sendable(type(value).__name__[:80])}

    def encode_text(self, text: str) -> str:
        self.spend(len(text.encode("utf-8", "replace")))
        return sendable(text)

    def encode_array(self, array: np.ndarray) -> dict[str, Any]:
        self.spend(array.nbytes)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        data = base64.b64encode(array.tobytes()).decode("ascii")
        shape = [int(length) for length in array.shape]
        return {"is": "array", "dtype": array.dtype.str, "shape": shape, "data": data}


def sendable(text: str) -> str:
    """`text` with every half of a surrogate pair replaced, so that it can be encoded."""
    return text.encode("utf-8", "replace").decode("utf-8")


def as_array(value: Any) -> np.ndarray | None:
    """`value` as an array of an allowed dtype, or None if it is not one.

    Takes numbers, arrays, tensors (detached first) and rectangular nested sequences of numbers:
    the definition of an array in `nbjudge.shared.values`, which a sandbox need not see.
    """
    try:
        value = _detached(value)
        if not (isinstance(value, bool | int | float | list) or hasattr(value, "__array__")):
            return None
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        return None  # ragged, endless, or not numbers
    if isinstance(value, list) and array.size == 0:
        return None  # an empty list has no kind: it stays a list
    return array if array.dtype.newbyteorder("<").str in _DTYPES else None


def _detached(value: Any) -> Any:
    """`value` with every tensor detached and every tuple as a list."""
    if isinstance(value, list | tuple):
        return [_detached(item) for item in value]
    is_tensor = hasattr(value, "detach") and hasattr(value, "__array__")
    return value.detach().cpu() if is_tensor else value


def decode(encoded: Any) -> Any:
    """The value behind `encoded`: array, str, None, list, dict or Opaque.

    Raises BadEvidence for anything `encode` could not have produced.
    """
    return _decode(encoded, 0, [MAX_ITEMS])


def _decode(encoded: Any, depth: int, items_left: list[int]) -> Any:
    items_left[0] -= 1
    if depth > MAX_DEPTH or items_left[0] < 0 or not isinstance(encoded, dict):
        raise BadEvidence("not an encoded value")
    match encoded:
        case {"is": "none"}:
            return None
        case {"is": "text", "text": str(text)} if len(text) <= MAX_BYTES:
            return text
        case {"is": "other", "type": str(name)}:
            return Opaque(name[:80])
        case {"is": "list", "items": list(items)}:
            return [_decode(item, depth + 1, items_left) for item in items]
        case {"is": "dict", "items": list(items)}:
            return dict(_decode_pair(pair, depth, items_left) for pair in items)
        case {"is": "array", "dtype": str(dtype), "shape": list(shape), "data": str(data)}:
            return _decode_array(dtype, shape, data)
    raise BadEvidence("not an encoded value")


def _decode_pair(pair: Any, depth: int, items_left: list[int]) -> tuple[str, Any]:
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
        raise BadEvidence("not a pair of key and value")
    return pair[0], _decode(pair[1], depth + 1, items_left)


def _decode_array(dtype: str, shape: list[Any], data: str) -> np.ndarray:
    lengths_are_plain = all(type(length) is int and 0 <= length < 2**40 for length in shape)
    if dtype not in _DTYPES or len(shape) > 16 or not lengths_are_plain:
        raise BadEvidence("not an allowed array")
    if len(data) > 2 * MAX_BYTES:
        raise BadEvidence("an array above the size limit")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadEvidence("array data that is not base64") from error
    if math.prod(shape) * np.dtype(dtype).itemsize != len(raw):
        raise BadEvidence("array data that does not fill its shape")
    try:
        return np.frombuffer(raw, dtype=dtype).reshape(shape)
    except ValueError as error:  # an empty array of an impossible shape
        raise BadEvidence("not an allowed shape") from error


def read_observation(payload: Any) -> Observation:
    """The observation a kernel sent.  Raises BadEvidence if the payload is not one."""
    match payload:
        case {"observation": str(name), "changed": bool(changed), "value": value}:
            return Observation(name[:200], decode(value), changed=changed)
        case {
            "observation": str(name),
            "changed": bool(changed),
            "raised": {"type": str(kind), "message": str(message)},
        }:
            return Observation(name[:200], None, Raised(kind[:80], message[:500]), changed)
    raise BadEvidence("not an observation")
