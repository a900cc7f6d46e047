"""Memory that reading a JSON text takes, estimated from above before it is read.

A list of empty objects takes 25 times the memory of its text, so a bound on the length of a
stranger's text does not bound the memory of whoever reads it.
"""

import re

PER_ITEM = 100
"""Bytes; an object with one entry, which takes two commas or brackets, has the most: 192."""

LIGHT = 30_000_000  # bytes, below which nobody needs to know more

_STRING = re.compile(rb'"[^"]*"')


def weight_of(text: bytes) -> int:
    """The most bytes that it takes to read the JSON `text`, as UTF-8, and to keep it."""
    characters = (1 + 2 * _width(text)) * len(text)  # as a text, and as its parts
    estimate = characters + PER_ITEM * _items(text)
    if estimate <= LIGHT:
        return estimate
    structure = _STRING.sub(b"", text.replace(rb"\\", b"").replace(rb"\"", b""))
    return characters + PER_ITEM * _items(structure)


def _items(text: bytes) -> int:
    """The number of objects, lists, and what follows another in them, at most."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _width(text: bytes) -> int:
    """Bytes of a character in Python: one rare character widens all others of its string."""
    return 4 if not text.isascii() or b"\\u" in text else 1
