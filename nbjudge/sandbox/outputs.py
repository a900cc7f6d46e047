"""Outputs as a notebook may hold them, whatever a kernel has sent.

nbformat would refuse what is none, with a message that repeats it: ten times the memory.
"""

import re
from collections.abc import Mapping
from typing import Any

SHOWS = ("stream", "display_data", "update_display_data", "execute_result", "error")
"""Kinds of messages that are shown."""

LARGEST_COUNT = 2**53  # of executions; a larger one is not a kernel's

JSON = re.compile(r"application/(.*\+)?json")
"""Media types of which nbformat takes any value."""

Content = Mapping[str, Any]


def plain(kind: str, content: Content) -> dict[str, Any] | None:
    """The `content` of a message without what no notebook can hold; None if nothing is left."""
    kept = {name: value for name, value in content.items() if name != "execution_count"}
    if kind == "execute_result" or "execution_count" in content:
        count = content.get("execution_count")
        kept["execution_count"] = count if _is_count(count) else None
    if kind == "stream":
        return kept if _are_texts(kept.get("name"), kept.get("text")) else None
    if kind == "error":
        trace = kept.get("traceback")
        fits = _are_texts(kept.get("ename"), kept.get("evalue")) and _is_multiline(trace)
        return kept if fits and isinstance(trace, list) else None
    if kind in SHOWS:
        data = kept.get("data")
        if not isinstance(data, dict):
            return None
        kept["data"] = {name: value for name, value in data.items() if _is_shown(name, value)}
        metadata = kept.get("metadata")
        kept["metadata"] = metadata if isinstance(metadata, dict) else {}
    return kept


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < LARGEST_COUNT)


def _are_texts(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_multiline(value: Any) -> bool:
    return isinstance(value, list) and _are_texts(*value)


def _is_shown(kind: str, value: Any) -> bool:
    """Whether `value` may be shown as of this media type."""
    return bool(JSON.fullmatch(kind)) or isinstance(value, str) or _is_multiline(value)
