"""Similarity of submissions: pairs with more in common than chance and the problem explain.

What a student wrote becomes a sequence of runs of eight tokens, in which names of their own are all
the same: renaming hides nothing. Runs in the course's given code, in its own solution, or in many
students' code are left out. What is left of two students is compared by the longest common
subsequence, which `rapidfuzz` finds for a class of a thousand in seconds.

Runs that the problem suggests are shared by a different crowd each. In a ring of copies the same
few students share one run after the other, and nobody else has them; these runs are kept.

A pair is a reason to look, never a proof: so it comes with the passages.
"""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Indel, LCSseq

RUN = 8  # tokens
LEAST_OWN = 30  # runs of a student's own; with fewer there is nothing to compare
ALIKE = 0.6  # the share of the shorter one's own runs that the other has too
MANY = 3  # students with the same run, or 2% of the class: then it is what the problem suggests
RING_RUNS = 60  # shared by the same students and nobody else: then they copied from each other
LARGEST_RING = 10  # students, and at most a third of the class
MOST_PAIRS = 50
MOST_OWN = 5_000  # runs of a student's that are looked at
LONGEST_SOURCE = 100_000  # characters of a cell that are looked at

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>\b[rbfuRBFU]{0,2}(?:\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z))
        |[rbfuRBFU]{0,2}(?:"[^"\n]*"?|'[^'\n]*'?))
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<sign>[-+*/%@&|^<>=!]=?|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
KEPT_NAMES = frozenset(keyword.kwlist) | frozenset(dir(builtins))

Run = tuple[str, ...]


@dataclass(frozen=True)
class Passage:
    """One cell of two students, and the lines that they share."""

    cell: str
    lines: tuple[tuple[str, ...], tuple[str, ...]]
    alike: tuple[frozenset[int], frozenset[int]]  # places in `lines`


@dataclass(frozen=True)
class Pair:
    """Two students with similar submissions."""

    students: tuple[str, str]
    alike: float  # of the own runs of the student with fewer, the share that the other has too
    verbatim: float  # similarity of the same cells with names and numbers as written
    passages: tuple[Passage, ...]


def pairs(written: Mapping[str, Mapping[str, str]], given: Iterable[str]) -> list[Pair]:
    """The pairs of students with similar code, the most similar first; at most fifty.

    written: student → cell → source, of the cells that are the student's own
    given:   sources that every student may have: the given code, and the course's own solution
    """
    runs = {
        student: [run for source in cells.values() for run in _runs(source)]
        for student, cells in written.items()
    }
    having: dict[Run, list[str]] = {}
    for student, found in runs.items():
        for run in dict.fromkeys(found):
            having.setdefault(run, []).append(student)
    ignored = {run for source in given for run in _runs(source)}
    ignored |= _suggested(having, ignored, len(runs))
    own = {
        student: [run for run in found if run not in ignored][:MOST_OWN]
        for student, found in runs.items()
    }
    students = sorted(student for student, found in own.items() if len(found) >= LEAST_OWN)
    alike = _alike([own[student] for student in students], having)
    too_alike = [
        (float(alike[one, other]), students[one], students[other])
        for one, other in np.argwhere(np.triu(alike >= ALIKE, k=1))
    ]
    too_alike.sort(key=lambda pair: (-pair[0], *pair[1:]))
    return [
        _pair(share, (one, other), written[one], written[other], ignored)
        for share, one, other in too_alike[:MOST_PAIRS]
    ]


def _suggested(having: Mapping[Run, Sequence[str]], given: set[Run], students: int) -> set[Run]:
    """The runs that many students have, because the problem suggests them."""
    many = max(MANY, students // 50)
    common = {run: tuple(those) for run, those in having.items() if len(those) > many}
    shared = Counter(those for run, those in common.items() if run not in given)
    rings = {
        those
        for those, count in shared.items()
        if count >= RING_RUNS and len(those) <= min(LARGEST_RING, students // 3)
    }
    return {run for run, those in common.items() if those not in rings}


def _tokens(source: str) -> list[re.Match[str]]:
    found = TOKEN.finditer(source[:LONGEST_SOURCE])
    return [token for token in found if token.lastgroup != "comment"]


def _runs(source: str) -> list[Run]:
    """Every run of tokens in `source`, in its order, without what can be renamed."""
    tokens: list[str] = []
    for token in _tokens(source):
        word = token[0]
        # an attribute is a library's name, as in np.exp, more often than a student's
        is_own = word not in KEPT_NAMES and tokens[-1:] != ["."]
        if token.lastgroup == "text":
            word = '"'
        elif token.lastgroup == "name" and is_own:
            word = "name"
        tokens.append(word)
    return [tuple(tokens[start : start + RUN]) for start in range(len(tokens) - RUN + 1)]


def _alike(
    own: Sequence[Sequence[Run]], having: Mapping[Run, Sequence[str]]
) -> NDArray[np.float64]:
    """The share of common runs, relative to the student with fewer: (students, students)."""
    if not own:
        return np.zeros((0, 0))
    # rapidfuzz is fastest on text: each run that several have becomes a character of its own, and
    # those that only one has become a character that no other student's text holds
    places: dict[Run, int] = {}
    texts = [
        "".join(
            _character(
                places.setdefault(run, len(own) + len(places)) if len(having[run]) > 1 else alone
            )
            for run in found
        )
        for alone, found in enumerate(own)
    ]
    shared = process.cdist(texts, texts, scorer=LCSseq.similarity, dtype=np.int32)
    lengths = np.array([len(found) for found in own])
    return shared / np.minimum(lengths[:, None], lengths[None, :])


def _character(place: int) -> str:
    place %= 0x110000 - 0x800
    return chr(place if place < 0xD800 else place + 0x800)  # beyond the surrogates


def _pair(
    share: float,
    students: tuple[str, str],
    one: Mapping[str, str],
    other: Mapping[str, str],
    ignored: set[Run],
) -> Pair:
    passages = []
    first: list[str] = []  # words of the cells with passages
    second: list[str] = []
    for cell in one:
        if cell not in other:
            continue
        alike = _lines_alike(one[cell], other[cell], ignored)
        if not alike[0]:
            continue
        first += [token[0] for token in _tokens(one[cell])]
        second += [token[0] for token in _tokens(other[cell])]
        lines = tuple(one[cell].split("\n")), tuple(other[cell].split("\n"))
        passages.append(Passage(cell, lines, alike))
    verbatim = Indel.normalized_similarity(first, second) if passages else 0.0
    return Pair(students, share, verbatim, tuple(passages))


def _lines_alike(one: str, other: str, ignored: set[Run]) -> tuple[frozenset[int], frozenset[int]]:
    """The lines of two cells that have the same runs in the same order."""
    sources = one, other
    own = [
        [(place, run) for place, run in enumerate(_runs(source)) if run not in ignored]
        for source in sources
    ]
    blocks = LCSseq.opcodes([run for _, run in own[0]], [run for _, run in own[1]])
    found: tuple[set[int], set[int]] = set(), set()
    for block in blocks:
        if block.tag != "equal":
            continue
        spans = (block.src_start, block.src_end), (block.dest_start, block.dest_end)
        for side, (start, end) in enumerate(spans):
            tokens = _tokens(sources[side])
            for place, _ in own[side][start:end]:
                for token in tokens[place : place + RUN]:
                    found[side].add(sources[side].count("\n", 0, token.start()))
    return frozenset(found[0]), frozenset(found[1])
