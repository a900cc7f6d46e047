"""What a language model is measured on: text that nobody has seen, made once for each course.

Students get beginnings; what follows them stays with the answer key.  The text is written by
lmlib's story grammar under a random seed, without the lines of the public corpus.

Contexts have a slip: two neighboring characters near the end have changed places, as happens to
people who type.  On clean text a table of n-grams predicts better than a small model; behind a slip
its histories are ones that it has never counted.
"""

import functools
import io
import random
import secrets
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lmlib import stories
from lmlib.experiments import with_slips
from lmlib.submission_files import WRITTEN
from lmlib.utterances import encode
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest
from scorers.ngrams import NGrams

CONTEXT = 30  # characters of a context, whose next one is to be scored
AHEAD = 20  # characters that follow a context of the validation set
MOST_COUNTED = 8  # characters in the longest n-gram of a count model
TEMPERATURES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 4.0)
BEGINNING = 40  # characters of a beginning, which WRITTEN more are to continue


@dataclass(frozen=True)
class Sizes:
    """How much there is of everything."""

    contexts: int = 2048  # for validation, and as many for the test
    beginnings: int = 128
    public: int = 8_000_000  # characters of the public corpus whose lines are left out
    judge: int = 6_000_000  # characters on which the judge's n-grams are counted


@dataclass(frozen=True)
class TestSet:
    """Tokens as in lmlib.utterances, uint8; every sentence begins with <sos>."""

    __test__ = False  # for pytest: this is no class of tests

    validation: np.ndarray  # (N, 31), with slips
    validation_follow: np.ndarray  # (N, 20)
    contexts: np.ndarray  # (N, 31), with slips
    contexts_follow: np.ndarray  # (N,), held out
    counting: np.ndarray  # (), nats per character of the best count model on the contexts, held out
    beginnings: np.ndarray  # (M, 41)
    beginnings_follow: np.ndarray  # (M, 30), held out
    judge_text: np.ndarray  # (n,), the text that the judge of generations knows, held out

    @property
    def name(self) -> str:
        """By which one knows what a file was made for."""
        return digest(*(array.tobytes() for array in self._inputs().values()))[:12]

    def released(self) -> bytes:
        """The file that students get: an .npz of the inputs, with the test set's name."""
        return _packed(self._inputs() | {"test_set": np.array(self.name)})

    def _inputs(self) -> dict[str, np.ndarray]:
        names = ("validation", "validation_follow", "contexts", "beginnings")
        return {name: getattr(self, name) for name in names}


def make(seed: int | None = None, sizes: Sizes = Sizes()) -> TestSet:
    """A new test set, from a seed that nobody knows unless one is given."""
    seed = secrets.randbits(60) if seed is None else seed
    draw = random.Random(seed).random
    public = stories.utterances(sizes.public).splitlines()
    known = set(public)
    length = 400 * (2 * sizes.contexts + 10 * sizes.beginnings)  # a third of the lines will do
    secret = [x for x in stories.utterances(length, seed).splitlines() if x not in known]
    lines = iter(secret)
    validation, validation_follow = _sentences(lines, sizes.contexts, CONTEXT, AHEAD)
    contexts, contexts_follow = _sentences(lines, sizes.contexts, CONTEXT, 1)
    beginnings, beginnings_follow = _sentences(lines, sizes.beginnings, BEGINNING, WRITTEN)
    other = stories.utterances(sizes.judge, seed + 1).splitlines()
    known = set(secret)
    slipped = with_slips(contexts, draw)
    return TestSet(
        validation=with_slips(validation, draw),
        validation_follow=validation_follow,
        contexts=slipped,
        contexts_follow=contexts_follow[:, 0],
        counting=np.array(best_counting(_text(public), slipped, contexts_follow[:, 0])),
        beginnings=beginnings,
        beginnings_follow=beginnings_follow,
        judge_text=_text(line for line in other if line not in known),
    )


def best_counting(public: np.ndarray, contexts: np.ndarray, follow: np.ndarray) -> float:
    """The nats per character of the best count model of the public text, tokens (n,).

    Of Witten and Bell's interpolated n-grams of all orders, at all temperatures: both are chosen
    for the contexts (N, T) and what follows them (N,), which nobody who hands in a file can do.
    """
    grams = NGrams(public, MOST_COUNTED)
    return min(
        next_character_nll(np.log(p) / temperature, follow)
        for p in grams.of_each_order(contexts)
        for temperature in TEMPERATURES
    )


def next_character_nll(scores: np.ndarray, targets: np.ndarray) -> float:
    """The mean negative log-likelihood of targets (N,) under raw scores (N, V), in nats."""
    scores = scores - scores.max(axis=1, keepdims=True)  # or large equal scores would cost nothing
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(targets)), targets].mean())


def _sentences(
    lines: Iterator[str], many: int, begun: int, follow: int
) -> tuple[np.ndarray, np.ndarray]:
    """Beginnings of so many of the next lines, and what follows them: two arrays of tokens."""
    whole: list[list[int]] = []
    for line in lines:
        if len(line) >= begun + follow:
            whole.append(encode(line)[: 1 + begun + follow])
        if len(whole) == many:
            break
    else:
        raise CourseError(
            f"The test set lacks sentences: of {many} with {begun + follow} characters there are "
            f"{len(whole)}; another seed, or fewer of them, will do."
        )
    tokens = _array(whole)
    return tokens[:, : 1 + begun], tokens[:, 1 + begun :]


def _text(lines: Iterable[str]) -> np.ndarray:
    """All lines as one row of tokens."""
    return _array([token for line in lines for token in encode(line)])


def _array(tokens: list[int] | list[list[int]]) -> np.ndarray:
    return np.array(tokens, dtype=np.uint8)


def pack(held: TestSet) -> bytes:
    """A test set as the bytes that are kept next to the answer key."""
    return _packed({f.name: getattr(held, f.name) for f in fields(TestSet)})


@functools.lru_cache(maxsize=2)
def unpack(packed: bytes) -> TestSet:
    """The test set that `pack` has packed.  Raises CourseError if it is damaged."""
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            return TestSet(**{f.name: arrays[f.name] for f in fields(TestSet)})
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CourseError(
            f"The held-out texts next to the answer key are damaged ({error}); what students have "
            "made for them can only be graded with a copy of that file."
        ) from error


def _packed(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
