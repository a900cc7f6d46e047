"""Pairs of submissions that are more alike than chance and the problem explain.

What a student wrote becomes a sequence of runs of eight tokens, in which names of their own are all
the same: renaming hides nothing. Runs that the course has given, that its own solution has, or that
many students have, are left out. What is left of two students is compared by the longest common
subsequence, which `rapidfuzz` finds for a class of a thousand in seconds.

A pair is a reason to look, never a proof: so it comes with the passages.
"""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Indel, LCSseq

RUN = 8  # tokens
LEAST_OWN = 30  # runs of a student's own; with fewer there is nothing to compare
LEAST_SHARED = 25  # runs that a pair must share
ALIKE = 0.6  # the share of the shorter one's own runs that the other has too
MOST_PAIRS = 50
LONGEST_SOURCE = 100_000  # characters of a cell that are looked at

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>[rbfuRBFU]{0,2}(?:'{3}.*?(?:'{3}|\Z)|"{3}.*?(?:"{3}|\Z)|'[^'\n]*'?|"[^"\n]*"?))
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<sign>[-+*/%@&|^<>=!]=?|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
KEPT_NAMES = frozenset(keyword.kwlist) | frozenset(dir(builtins)) | {"np", "torch", "self"}

Run = tuple[str, ...]


@dataclass(frozen=True)
class Passage:
    """One cell of two students, with the lines of each that are in the other's too."""

    cell: str
    lines: tuple[tuple[str, ...], tuple[str, ...]]
    alike: tuple[frozenset[int], frozenset[int]]  # numbers of lines, from 0


@dataclass(frozen=True)
class Pair:
    """Two students whose submissions are too alike."""

    students: tuple[str, str]
    alike: float  # the share of what the one with less of their own has, that the other has too
    verbatim: float  # how alike the same cells are with names and numbers as they were written
    shared: int  # runs of tokens
    passages: tuple[Passage, ...]


def pairs(written: Mapping[str, Mapping[str, str]], given: Iterable[str]) -> list[Pair]:
    """The pairs of students who wrote too much alike, the most alike first; at most fifty.

    written: student → cell → source, of the cells that are the student's own
    given:   sources that anybody may have: what was handed out, and the course's own solution
    """
    ignored = {run for source in given for run in _runs(source)}
    runs = {
        student: [run for source in cells.values() for run in _runs(source)]
        for student, cells in written.items()
    }
    having = Counter(run for found in runs.values() for run in set(found))
    many = max(3, len(runs) // 50)
    ignored |= {run for run, count in having.items() if count > many}
    own = {
        student: [run for run in found if run not in ignored] for student, found in runs.items()
    }
    students = sorted(student for student, found in own.items() if len(found) >= LEAST_OWN)
    if len(students) < 2:
        return []
    texts = _as_texts([own[student] for student in students], having)
    shared = process.cdist(
        texts, texts, scorer=LCSseq.similarity, score_cutoff=LEAST_SHARED, dtype=np.int32
    )  # (students, students)
    lengths = np.array([len(text) for text in texts])
    alike = shared / np.minimum(lengths[:, None], lengths[None, :])
    found = [
        (float(alike[one, other]), int(shared[one, other]), students[one], students[other])
        for one, other in np.argwhere(np.triu(alike >= ALIKE, k=1))
    ]
    found.sort(key=lambda pair: (-pair[0], -pair[1], pair[2:]))
    return [
        Pair(
            (one, other),
            share,
            count,
            *_closely(written[one], written[other], ignored),
        )
        if False
        else _pair(share, count, (one, other), written, ignored)
        for share, count, one, other in found[:MOST_PAIRS]
    ]
