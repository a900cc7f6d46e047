"""Scores of what a language model has handed in, on text that nobody has seen.

The files are data: they are read here, in the trusted process, and every figure is computed anew.
No code of a student's is needed, and none is run.
"""

import functools
import io
import zipfile
from dataclasses import dataclass

import numpy as np

from lmlib.utterances import SYMBOLS, encode
from nbjudge.judge.scorers import BadFile
from scorers import test_set
from scorers.ngrams import NGrams
from scorers.test_set import WRITTEN, Fixture

PREDICTIONS, GENERATIONS = "predictions.npz", "generations.txt"
CONTEXTS = "contexts.npz"
MOST_BYTES = 2_000_000  # of the arrays in a file of predictions; 2,048 times 31 float64 are 0.5 MB


@dataclass(frozen=True)
class Scale:
    """From nats per character to the share of the points: linear between two marks."""

    full: float  # and below: all points
    none: float  # and above: no points

    def share(self, nats: np.ndarray | float) -> np.ndarray:
        """Between 0 and 1."""
        return np.clip((self.none - np.asarray(nats)) / (self.none - self.full), 0, 1)


SCALES = {PREDICTIONS: Scale(full=1.10, none=1.95), GENERATIONS: Scale(full=0.45, none=1.35)}
"""Predictions by their own cost, generations by what they cost more than what really follows.

Found by benchmarks/held_out.py: the reference stays below `full` with every seed, a table of
bigrams above `none`; predictions whose scores are halved or doubled do not get all points."""


# ---- predictions: raw scores of the one next character


def score_predictions(fixture: Fixture, content: bytes) -> tuple[float, str]:
    """The share of the points for a file of predictions, and a sentence.  Raises BadFile."""
    nats = next_character_nll(read_predictions(content, fixture), fixture.contexts_follow)
    share = float(SCALES[PREDICTIONS].share(nats))
    return share, _told(f"The next character of {len(fixture.contexts):,} held-back contexts", nats)


def read_predictions(content: bytes, fixture: Fixture) -> np.ndarray:
    """The raw scores (N, V) in a file of predictions, as float64.

    Raises BadFile with what is wrong with it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise BadFile(f"is too large: its arrays may have {MOST_BYTES // 10**6} MB.")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in ("fixture", "scores")}
    except KeyError as error:
        raise BadFile(f"lacks an array: {error.args[0]}.") from error
    except BadFile:
        raise
    except Exception as error:  # whatever a broken zip or array header makes NumPy raise
        raise BadFile("is no .npz file of plain arrays, or a damaged one.") from error
    scores, wanted = found["scores"], (len(fixture.contexts), len(SYMBOLS))
    _check_fixture(str(found["fixture"]), fixture)
    if scores.dtype.kind != "f" or scores.dtype.itemsize > 8:
        raise BadFile(f"holds scores of type {scores.dtype}; they are to be float32 or float64.")
    if scores.shape != wanted:
        raise BadFile(f"holds scores of shape {scores.shape}, not {wanted}.")
    if not np.isfinite(scores).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(scores))[0])
        raise BadFile(f"holds scores that are NaN or infinite, the first at {list(place)}.")
    return scores.astype(np.float64)


def next_character_nll(scores: np.ndarray, targets: np.ndarray) -> float:
    """The mean negative log-likelihood of targets (N,) under raw scores (N, V), in nats."""
    log_p = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return float(-log_p[np.arange(len(targets)), targets].mean())


# ---- generations: text that goes on


def score_generations(fixture: Fixture, content: bytes) -> tuple[float, str]:
    """The share of the points for a file of generations, and sentences.  Raises BadFile."""
    added = read_generations(content, fixture)
    judge = _counted(fixture.oracle.tobytes())
    nats = -judge.log_probabilities(fixture.beginnings, added).mean(axis=1)  # (M,)
    real = judge.log_probabilities(fixture.beginnings, fixture.beginnings_follow)  # (M, n)
    true = -float(real.mean())
    idle = degenerate(fixture.beginnings, added)
    excess = np.where(idle, SCALES[GENERATIONS].none, nats - true)
    told = _told(f"What goes on after {len(added)} beginnings", float(nats.mean()))
    by = f"What really follows has {true:.3f}; the judge was an n-gram model of other stories."
    if idle.any():
        by += f" {int(idle.sum())} repeat themselves, the beginning or one another: worthless."
    return float(SCALES[GENERATIONS].share(excess.mean())), f"{told} {by}"


def read_generations(content: bytes, fixture: Fixture) -> np.ndarray:
    """The tokens (M, 30) in a file of generations: a line with the fixture's name, then one each.

    Raises BadFile with what is wrong with it.
    """
    try:
        first, *lines = content.decode("ascii").splitlines()
    except (UnicodeDecodeError, ValueError) as error:
        raise BadFile("is no text of letters, apostrophes and blanks.") from error
    _check_fixture(first.removeprefix("fixture "), fixture)
    if len(lines) != len(fixture.beginnings):
        raise BadFile(f"has {len(lines)} generations, not {len(fixture.beginnings)}.")
    for number, line in enumerate(lines, start=1):
        if len(line) != WRITTEN:
            raise BadFile(f"has {len(line)} characters in generation {number}, not {WRITTEN}.")
    try:
        return np.array([encode(line)[1:-1] for line in lines])
    except ValueError as error:
        raise BadFile(f"holds something else than letters: {error}") from error


def degenerate(beginnings: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Whether each generation (M, 30) goes round in circles, or was taken from elsewhere.

    It is if fewer than six in ten of its trigrams differ, if half of it stands in its own
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


def _check_fixture(name: str, fixture: Fixture) -> None:
    if name != fixture.name:
        raise BadFile(
            "was made for other contexts than those of this course; make it anew with the file "
            "contexts.npz that came with the notebook."
        )


def _told(what: str, nats: float) -> str:
    return f"{what}: {nats:.3f} nats per character, a perplexity of {np.exp(nats):.2f}."


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

    def score(self, file: str, content: bytes, packed: bytes) -> tuple[float, str]:
        """The share of the points for a submitted file, and sentences.  Raises BadFile."""
        score = score_predictions if file == PREDICTIONS else score_generations
        return score(test_set.unpack(packed), content)


SCORER = HeldOut()
