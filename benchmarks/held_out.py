"""Baselines on the held-out text of problem set 5, from which the scales of its points were chosen.

    python benchmarks/held_out.py

Makes a test set, scores simple methods on it, and runs the given and solution cells of the
notebook, training included, once for each seed; the files of these runs are scored as in grading.
The profile is `cpu` unless LMLIB_PROFILE says otherwise.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from expected_losses import run

from lmlib import experiments, stories
from lmlib.utterances import EOS, SYMBOLS, encode
from scorers import held_out, test_set
from scorers.ngrams import NGrams

Scores = Callable[[np.ndarray], np.ndarray]
"""From tokens (N, T) to log-probabilities (N, V) of the next one."""


def main() -> None:
    """Print a line for each baseline and each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    options = parser.parse_args()
    os.environ.setdefault("LMLIB_PROFILE", "cpu")
    held = test_set.make(seed=1)
    print(f"{'':<28}{'next character':>16}{'share':>7}{'generations':>13}{'idle':>6}{'share':>7}")
    floors(held)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("contexts.npz").write_bytes(held.released())
        for seed in options.seeds:
            reference(held, seed)


def floors(held: test_set.Fixture) -> None:
    """Score uniform and unigram predictions, n-grams of the public corpus, and copied texts."""
    text = [token for line in stories.utterances(2_000_000).splitlines() for token in encode(line)]
    tokens = np.array(text, dtype=np.uint8)
    show("uniform", held, lambda rows: np.zeros((len(rows), len(SYMBOLS))))
    shares = np.bincount(tokens, minlength=len(SYMBOLS)) + 1
    show("unigram", held, lambda rows: np.tile(np.log(shares / shares.sum()), (len(rows), 1)))
    grams = NGrams(tokens)
    for order in (2, 3, 4, 6):
        show(f"{order}-gram", held, n_gram_scores(grams, order))
    copied = held.beginnings[:, -test_set.WRITTEN :]
    show_texts("copy of the beginning", held, copied)
    show_texts("what follows another", held, np.roll(held.beginnings_follow, 1, axis=0))
    show_texts("what really follows", held, held.beginnings_follow)


def n_gram_scores(grams: NGrams, order: int) -> Scores:
    """Add-one counts of what follows the last order - 1 symbols."""
    symbols = np.arange(len(SYMBOLS))

    def scores(rows: np.ndarray) -> np.ndarray:
        history = np.repeat(rows[:, None, rows.shape[1] - order + 1 :], len(symbols), axis=1)
        column = np.broadcast_to(symbols[:, None], (len(rows), len(symbols), 1))
        counts = grams.counts(np.concatenate([history, column], axis=2)) + 0.1
        return np.log(counts / counts.sum(axis=1, keepdims=True))

    return scores


def show(name: str, held: test_set.Fixture, scores: Scores) -> None:
    """Score the predictions of the next character, and texts decoded greedily from them."""
    nats = held_out.next_character_nll(scores(held.contexts), held.contexts_follow)
    rows = held.beginnings.astype(np.int64)
    for _ in range(test_set.WRITTEN):
        ordinary = scores(rows)[:, EOS + 1 :].argmax(axis=1) + EOS + 1
        rows = np.concatenate([rows, ordinary[:, None]], axis=1)
    share = held_out.SCALES[held_out.PREDICTIONS].share(nats)
    show_texts(f"{name:<28}{nats:>16.3f}{share:>7.2f}", held, rows[:, -test_set.WRITTEN :])


def show_texts(name: str, held: test_set.Fixture, added: np.ndarray) -> None:
    """Score generations, and print a line."""
    judge = NGrams(held.oracle)
    nats = -judge.log_probabilities(held.beginnings, added).mean(axis=1)
    true = -judge.log_probabilities(held.beginnings, held.beginnings_follow).mean()
    idle = held_out.degenerate(held.beginnings, added)
    scale = held_out.SCALES[held_out.GENERATIONS]
    share = scale.share(np.where(idle, scale.none, nats - true).mean())
    print(f"{name:<51}{nats.mean():>13.3f}{idle.sum():>6}{share:>7.2f}", flush=True)


def reference(held: test_set.Fixture, seed: int) -> None:
    """Train the instructors' model; score its files, and its predictions at other temperatures."""
    began = time.perf_counter()
    names = run("ps5_attention_backward", seed)
    minutes = (time.perf_counter() - began) / 60
    folder = names["run"]
    texts = (folder / experiments.HANDED_IN[1]).read_bytes()
    added = held_out.read_generations(texts, held)
    scores = held_out.read_predictions((folder / experiments.HANDED_IN[0]).read_bytes(), held)
    for temperature in (1.0, 0.5, 2.0):
        nats = held_out.next_character_nll(scores / temperature, held.contexts_follow)
        share = held_out.SCALES[held_out.PREDICTIONS].share(nats)
        name = f"seed {seed}, {minutes:.1f} minutes" if temperature == 1 else f"  T = {temperature}"
        show_texts(f"{name:<28}{nats:>16.3f}{share:>7.2f}", held, added)


if __name__ == "__main__":
    main()
