"""Scorer of a language model's predictions and generations on held-out text.

The files are data, read in the trusted process, and all numbers are computed here. No student's
code is needed, and none is run.
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
from scorers.test_set import TestSet

CONTEXTS = "contexts.npz"


@dataclass(frozen=True)
class Scale:
    """Conversion of nats per character to a share of the points: linear between two marks."""

    full: float  # at most this: all points
    none: float  # at least this: no points

    def share(self, nats: np.ndarray | float) -> np.ndarray:
        """Between 0 and 1."""
        return np.clip((self.none - np.asarray(nats)) / (self.none - self.full), 0, 1)


SCALES = {PREDICTIONS: Scale(full=1.95, none=2.10), GENERATIONS: Scale(full=0.45, none=1.35)}
"""Scales: predictions by their loss, generations by their excess over the true continuation.

Calibrated by benchmarks/held_out.py: the reference is below `full`, and every count model of the
public text is above `none` for predictions.
"""


# ---- predictions: logits of the next character


def score_predictions(held: TestSet, content: bytes) -> tuple[float, str]:
    """The share of the points for a file of predictions, and a sentence.  Raises BadFile."""
    nats = next_character_nll(read_predictions(content, held), held.contexts_follow)
    share = float(SCALES[PREDICTIONS].share(nats))
    return share, _told(f"The next character of {len(held.contexts):,} held-out contexts", nats)


def read_predictions(content: bytes, held: TestSet) -> np.ndarray:
    """The logits (N, V) in a file of predictions, as float64.  Raises BadFile."""
    try:
        return submission_files.read_predictions(content, held.name, len(held.contexts))
    except BadSubmission as error:
        raise BadFile(str(error)) from error


def next_character_nll(scores: np.ndarray, targets: np.ndarray) -> float:
    """The mean negative log-likelihood of targets (N,) under logits (N, V), in nats."""
    scores = scores - scores.max(axis=1, keepdims=True)  # else large equal ones cost nothing
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(targets)), targets].mean())


# ---- generations: text that continues a beginning


def score_generations(held: TestSet, files: Mapping[str, bytes]) -> tuple[float, str]:
    """The share of the points for a file of generations, and sentences.  Raises BadFile.

    A count model generates this text as well as any other model.  So generations earn at most
    the share earned by the predictions of the same run, at which a count model fails.
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
    by = f"The true continuation has {true:.3f}; the judge was an n-gram model of other stories."
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
    """Whether each generation (M, 30) is repetitive or copied.

    It is if fewer than six in ten of its trigrams are distinct, if half of it is found in its own
    beginning, or if three others are identical to it.
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
        """A new test set, from a secret seed."""
        return test_set.pack(test_set.make())

    def handed_out(self, packed: bytes) -> dict[str, bytes]:
        """The file for students: contexts to score and beginnings to continue."""
        return {CONTEXTS: test_set.unpack(packed).released()}

    def score(self, file: str, files: Mapping[str, bytes], packed: bytes) -> tuple[float, str]:
        """The share of the points for a submitted file, and sentences.  Raises BadFile."""
        held = test_set.unpack(packed)
        if file == PREDICTIONS:
            return score_predictions(held, files[file])
        return score_generations(held, files)


SCORER = HeldOut()
