"""Held-out test set for language models, generated once for each course.

Students get beginnings; what follows them stays with the answer key.  The text is written by
lmlib's story grammar under a random seed, without the lines of the public corpus.

Contexts have a slip: two neighboring characters near the end are swapped, as in a typing error.
On clean text a table of n-grams predicts better than a small model; after a slip, it has never
counted the histories.
"""

import functools
import io
import random
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lmlib import stories
from lmlib.experiments import with_slips
from lmlib.submission_files import WRITTEN
from lmlib.utterances import encode
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest

CONTEXT = 30  # characters of a context; the next one is predicted
AHEAD = 20  # characters that follow a context of the validation set
BEGINNING = 40  # characters of a beginning, to be continued by WRITTEN more


@dataclass(frozen=True)
class Sizes:
    """Sizes of the parts of a test set."""

    contexts: int = 2048  # for validation, and as many for the test
    beginnings: int = 128
    public: int = 8_000_000  # characters of the public corpus whose lines are left out
    judge: int = 6_000_000  # characters on which the judge's n-grams are counted


@dataclass(frozen=True)
class TestSet:
    """Tokens as in lmlib.utterances, uint8; every sentence begins with <sos>."""

    __test__ = False  # for pytest: this is not a test class

    validation: np.ndarray  # (N, 31), with slips
    validation_follow: np.ndarray  # (N, 20)
    contexts: np.ndarray  # (N, 31), with slips
    contexts_follow: np.ndarray  # (N,), held out
    beginnings: np.ndarray  # (M, 41)
    beginnings_follow: np.ndarray  # (M, 30), held out
    judge_text: np.ndarray  # (n,), the text of the generations' n-gram model, held out

    @property
    def name(self) -> str:
        """An identifier that ties files to this test set."""
        return digest(*(array.tobytes() for array in self._inputs().values()))[:12]

    def released(self) -> bytes:
        """The file that students get: an .npz of the inputs, with the test set's name."""
        return _packed(self._inputs() | {"test_set": np.array(self.name)})

    def _inputs(self) -> dict[str, np.ndarray]:
        names = ("validation", "validation_follow", "contexts", "beginnings")
        return {name: getattr(self, name) for name in names}


def make(seed: int | None = None, sizes: Sizes = Sizes()) -> TestSet:
    """A new test set, from a secret seed unless one is given."""
    seed = secrets.randbits(60) if seed is None else seed
    draw = random.Random(seed).random
    public = set(stories.utterances(sizes.public).splitlines())
    length = 400 * (2 * sizes.contexts + 10 * sizes.beginnings)  # a third of the lines is enough
    secret = [x for x in stories.utterances(length, seed).splitlines() if x not in public]
    lines = iter(secret)
    validation, validation_follow = _sentences(lines, sizes.contexts, CONTEXT, AHEAD)
    contexts, contexts_follow = _sentences(lines, sizes.contexts, CONTEXT, 1)
    beginnings, beginnings_follow = _sentences(lines, sizes.beginnings, BEGINNING, WRITTEN)
    other = stories.utterances(sizes.judge, seed + 1).splitlines()
    known = set(secret)
    text = [token for line in other if line not in known for token in encode(line)]
    return TestSet(
        validation=with_slips(validation, draw),
        validation_follow=validation_follow,
        contexts=with_slips(contexts, draw),
        contexts_follow=contexts_follow[:, 0],
        beginnings=beginnings,
        beginnings_follow=beginnings_follow,
        judge_text=_array(text),
    )


def _sentences(
    lines: Iterator[str], many: int, begun: int, follow: int
) -> tuple[np.ndarray, np.ndarray]:
    """Beginnings of this many of the next lines, and their continuations: two arrays of tokens."""
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


def _array(tokens: list[int] | list[list[int]]) -> np.ndarray:
    return np.array(tokens, dtype=np.uint8)


def pack(held: TestSet) -> bytes:
    """A test set as the bytes stored next to the answer key."""
    return _packed({f.name: getattr(held, f.name) for f in fields(TestSet)})


@functools.lru_cache(maxsize=2)
def unpack(packed: bytes) -> TestSet:
    """The test set in the output of `pack`.  Raises CourseError if it is damaged."""
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
