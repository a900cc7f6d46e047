"""Scores of what a language model has handed in, on text that nobody has seen.

The files are data: they are read here, in the trusted process, and every figure is computed again.
No code of a student's is needed, and none is run.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lmlib import submission_files
from lmlib.submission_files import GENERATIONS, PREDICTIONS, BadSubmission
from nbjudge.judge.scorers import BadFile
from scorers import test_set
from scorers.ngrams import NGrams
from scorers.test_set import TestSet, next_character_nll

CONTEXTS = "contexts.npz"


@dataclass(frozen=True)
class Scale:
    """From nats per character to the share of the points: linear between two marks."""

    full: float  # and below: all points
    none: float  # and above: no points

    def share(self, nats: np.ndarray | float) -> np.ndarray:
        """Between 0 and 1."""
        return np.clip((self.none - np.asarray(nats)) / (self.none - self.full), 0, 1)


SCALES = {PREDICTIONS: Scale(full=-0.15, none=0.0), GENERATIONS: Scale(full=0.45, none=1.35)}
"""Predictions by what they cost more than the best count model, which earns nothing by definition;
generations by what they cost more than what really follows.

Set by benchmarks/held_out.py: the reference stays below `full` with every seed.
"""


# ---- predictions: raw scores of the one next character


def score_predictions(held: TestSet, content: bytes) -> tuple[float, str]:
    """The share of the points for a file of predictions, and a sentence.  Raises BadFile."""
    nats = next_character_nll(read_predictions(content, held), held.contexts_follow)
    counting = float(held.counting)
    told = _told(f"The next character of {len(held.contexts):,} held-out contexts", nats)
    words = f"{told} The best table of character counts has {counting:.3f}."
    return float(SCALES[PREDICTIONS].share(nats - counting)), words


def read_predictions(content: bytes, held: TestSet) -> np.ndarray:
    """The raw scores (N, V) in a file of predictions, as float64.  Raises BadFile."""
    try:
        return submission_files.read_predictions(content, held.name, len(held.contexts))
    except BadSubmission as error:
        raise BadFile(str(error)) from error


# ---- generations: text that continues a beginning


def score_generations(held: TestSet, files: Mapping[str, bytes]) -> tuple[float, str]:
    """The share of the points for a file of generations, and sentences.  Raises BadFile.

    Counting writes this text as well as any model does.  So generations earn at most the share
    that the predictions of the same run earn, which counting does not.
    """
    added = read_generations(files[GENERATIONS], held)
    share, words = judged_generations(held, added)
    try:
        most = score_predictions(held, files.get(PREDICTIONS, b""))[0]
    except BadFile:
        most = 0.0
    if most < share:
        words += (
            f" They earn no larger share than {PREDICTIONS}: {most:.0%} instead of {share:.0%}."
        )
    return min(share, most), words


def judged_generations(held: TestSet, added: np.ndarray) -> tuple[float, str]:
    """The share of the points for tokens (M, 30) as the n-gram model judges them, and sentences."""
    judge = _counted(held.judge_text.tobytes())
    scale = SCALES[GENERATIONS]
    nats = -judge.log_probabilities(held.beginnings, added).mean(axis=1)  # (M,)
    true = -float(judge.log_probabilities(held.beginnings, held.beginnings_follow).mean())
    idle = degenerate(held.beginnings, added)
    excess = np.where(idle, scale.none, np.minimum(nats - true, scale.none))
    told = _told(f"The text after {len(added)} beginnings", float(nats.mean()))
    by = f"What really follows has {true:.3f}; the judge was an n-gram model of other stories."
    if idle.any():
        by += f" {int(idle.sum())} repeat themselves, the beginning or one another: worthless."
    return float(scale.share(excess.mean())), f"{told} {by}"


def read_generations(content: bytes, held: TestSet) -> np.ndarray:
    """The tokens (M, 30) in a file of generations.  Raises BadFile."""
    try:
        return submission_files.read_generations(content, held.name, len(held.beginnings))
    except BadSubmission as error:
        raise BadFile(str(error)) from error


def degenerate(beginnings: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Whether each generation (M, 30) goes round in circles, or was taken from elsewhere.

    It is if fewer than six in ten of its trigrams differ, if half of it is found in its own
    beginning, or if three others are the same.
    """
    texts, starts = (["".join(map(chr, row)) for row in rows] for rows in (added, beginnings))
    half = added.shape[1] // 2
    return np.array([
        len({text[i : i + 3] for i in range(len(text) - 2)}) < 0.6 * (len(text) - 2)
        or any(text[i : i + half] in start for i in range(len(text) - half + 1))
        or texts.count(text) > 3
        for text, start in zip(texts, starts, strict=True)
    ])  # fmt: skip


def _told(what: str, nats: float) -> str:
    return f"{what}: {nats:.3f} nats per character, a perplexity of {np.exp(min(nats, 700)):.4g}."


@functools.lru_cache(maxsize=2)
def _counted(text: bytes) -> NGrams:
    """The n-grams of a text of tokens, counted once in each process."""
    return NGrams(np.frombuffer(text, dtype=np.uint8))


class HeldOut:
    """The scorer of problem set 5: `nbjudge.judge.scorers.Scorer` for its two files."""

    files = (PREDICTIONS, GENERATIONS)
    hands_out = (CONTEXTS,)

    def make_test_set(self) -> bytes:
        """A new test set, from a seed that nobody knows."""
        return test_set.pack(test_set.make())

    def handed_out(self, packed: bytes) -> dict[str, bytes]:
        """What students get: contexts to score and beginnings to continue."""
        return {CONTEXTS: test_set.unpack(packed).released()}

    def score(self, file: str, files: Mapping[str, bytes], packed: bytes) -> tuple[float, str]:
        """The share of the points for a submitted file, and sentences.  Raises BadFile."""
        held = test_set.unpack(packed)
        if file == PREDICTIONS:
            return score_predictions(held, files[file])
        return score_generations(held, files)


SCORER = HeldOut()
