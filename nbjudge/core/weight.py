"""Memory that reading a JSON text takes, estimated from above before it is read.

A list of empty objects takes 25 times the memory of its text, so a bound on the length of a
stranger's text does not bound the memory of whoever reads it.
"""

import re

PER_ITEM = 100
"""Bytes; an object with one entry, which takes two commas or brackets, has the most: 192."""

LIGHT = 30_000_000  # bytes, below which nobody needs to know more
PIECE = 1_000_000  # bytes of a text that are looked at together

_STRING = re.compile(rb'"[^"]*"')


def weight_of(text: bytes) -> int:
    """The most bytes that it takes to read the JSON `text`, as UTF-8, and to keep it."""
    characters = (1 + 2 * _width(text)) * len(text)  # as a text, and as its parts
    estimate = characters + PER_ITEM * _items(text)
    if estimate <= LIGHT:
        return estimate
    return characters + PER_ITEM * _items_outside_strings(text)


def _items_outside_strings(text: bytes) -> int:
    plain = text.replace(rb"\\", b"").replace(rb"\"", b"")
    found, is_inside = 0, False
    for start in range(0, len(plain), PIECE):
        piece = plain[start : start + PIECE]
        piece = b'"' + piece if is_inside else piece
        is_inside = piece.count(b'"') % 2 == 1
        piece = piece + b'"' if is_inside else piece
        found += _items(_STRING.sub(b"", piece))
    return found


def _items(text: bytes) -> int:
    """The number of objects, lists, and what follows another in them, at most."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _width(text: bytes) -> int:
    """Bytes of a character in Python: one rare character widens all others of its string."""
    return 4 if not text.isascii() or b"\\u" in text else 1
