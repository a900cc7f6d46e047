"""TinyStories (Eldan and Li 2023), if the library `datasets` and a network are available.

Only as much as needed is downloaded, and a network that does not answer soon counts as missing.
"""

import importlib.util
import os
import re
import threading
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPException

NAME = "roneneldan/TinyStories"
LICENCE = "CDLA-Sharing-1.0"

HOST = "https://huggingface.co"  # HF_ENDPOINT overrides it, as in `datasets` itself
PATIENCE = 5.0  # seconds after which a silent host counts as unreachable

OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")  # the library's own switches
TYPEWRITER = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


class OutOfReach(RuntimeError):
    """TinyStories is not available. The message says why, without a period at the end."""


def fetch(length: int) -> str:
    """The first length characters of the training stories, with an empty line after each story.

    The text is ASCII: quotation marks and dashes become their ASCII forms, and a story with any
    other character is left out. Raises OutOfReach if the text is not available.
    """
    if reason := _obstacle():
        raise OutOfReach(reason)
    try:
        import datasets

        rows = datasets.load_dataset(NAME, split="train", streaming=True)
        text = _joined((row["text"] for row in rows), length)
    except Exception as error:  # the library passes on whatever the libraries below it raise
        raise OutOfReach(f"the library datasets failed: {error!r}") from None
    if len(text) < length:
        raise OutOfReach(f"only {len(text):,} of {length:,} characters arrived")
    return text


def _obstacle() -> str:
    """The reason not to try; empty if there is none."""
    if importlib.util.find_spec("datasets") is None:
        return "the library datasets is not installed"
    for name in OFFLINE:
        if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE"):
            return f"{name} is set"
    host = os.environ.get("HF_ENDPOINT") or HOST
    return "" if _answers(host) else f"{host} does not answer"


def _answers(host: str) -> bool:
    """Whether the host answers in time. The library would retry for minutes."""
    answered = threading.Event()

    def ask() -> None:
        with suppress(OSError, HTTPException, ValueError):  # ValueError: HF_ENDPOINT is not a URL
            request = urllib.request.Request(f"{host}/datasets/{NAME}", method="HEAD")
            with urllib.request.urlopen(request, timeout=PATIENCE):
                answered.set()

    # a thread, since a name lookup ignores the timeout
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answered.is_set()


def _joined(stories: Iterable[str], length: int) -> str:
    """As many stories as needed, cut after length characters."""
    parts: list[str] = []
    missing = length
    for story in stories:
        story = re.sub(r"\s*\n\s*", "\n", story.translate(TYPEWRITER).strip())
        if not story or not story.isascii():
            continue
        parts.append(story + "\n\n")
        missing -= len(parts[-1])
        if missing <= 0:
            break
    return "".join(parts)[:length]
