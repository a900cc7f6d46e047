"""What is reached on problem set 5's held-out text: how the scales of its points were found.

    python benchmarks/held_out.py

Makes a test set and scores on it, as grading does: guesses without a model, count models of the
public text of every order, copying what follows the longest match, texts that are no answers, and
the reference, which is the notebook's own given and solution cells, training included, once a
seed.  The profile is `cpu` unless LMLIB_PROFILE says otherwise.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from expected_losses import run

from lmlib import stories
from lmlib.submission_files import GENERATIONS, PREDICTIONS, WRITTEN
from lmlib.utterances import EOS, SYMBOLS, encode
from scorers import held_out, test_set
from scorers.ngrams import NGrams
from scorers.test_set import TestSet

Scores = Callable[[np.ndarray], np.ndarray]
"""From tokens (N, T) to raw scores (N, V) of the next one."""

V = len(SYMBOLS)
TEMPERATURES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)  # those that the notebook tries


def main() -> None:
    """Print a line for each way of predicting and each seed of the reference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--public", type=int, default=8_000_000, help="characters that are counted")
    options = parser.parse_args()
    os.environ.setdefault("LMLIB_PROFILE", "cpu")
    held = test_set.make(seed=1)
    print_head()
    without_a_model(held)
    counting(held, options.public)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path(held_out.CONTEXTS).write_bytes(held.released())
        for seed in options.seeds:
            reference(held, seed)


def without_a_model(held: TestSet) -> None:
    """Guesses, and texts that are no answers."""
    show("uniform", held, lambda rows: np.zeros((len(rows), V)))
    show("equal scores of 1e12", held, lambda rows: np.full((len(rows), V), 1e12))
    show_texts("copy of the beginning", held, held.beginnings[:, -WRITTEN:])
    show_texts("what follows another", held, np.roll(held.beginnings_follow, 1, axis=0))
    show_texts("what really follows", held, held.beginnings_follow)


def counting(held: TestSet, length: int) -> None:
    """Smoothed n-grams of the public text, their mixture, and copying."""
    text = [token for line in stories.utterances(length).splitlines() for token in encode(line)]
    grams = NGrams(np.array(text), 12)
    for order in range(2, 9):
        show(f"{order}-gram, Witten-Bell", held, witten_bell(grams, order))
    for order in range(2, 9):
        show(f"{order}-gram, Kneser-Ney", held, kneser_ney(grams, order))
    show("longest match", held, longest_match(grams))
    show("mixture of orders 1 to 8", held, mixture(grams, held))


def witten_bell(grams: NGrams, order: int) -> Scores:
    return lambda rows: np.log(list(grams.of_each_order(rows))[order - 1])


def kneser_ney(grams: NGrams, order: int, discount: float = 0.75) -> Scores:
    """Interpolated (Kneser and Ney 1995; Chen and Goodman 1999): below the highest order, an
    n-gram counts as often as there are different symbols before it.
    """

    def scores(rows: np.ndarray) -> np.ndarray:
        rows = rows.astype(np.int64)
        p = np.full((len(rows), V), 1 / V)
        for length in range(order):
            histories = rows[:, rows.shape[1] - length :]
            if length == order - 1:
                follow = grams.followers(histories)
            else:
                before = np.broadcast_to(np.arange(V)[None, :, None], (len(rows), V, 1))
                repeated = np.broadcast_to(histories[:, None], (len(rows), V, length))
                longer = np.concatenate([before, repeated], axis=2)  # (N, V, length + 1)
                follow = (grams.followers(longer) > 0).sum(axis=1)  # (N, V)
            kinds = (follow > 0).sum(axis=1, keepdims=True)
            total = np.maximum(follow.sum(axis=1, keepdims=True), 1)
            lower = discount * kinds * p
            p = np.where(kinds > 0, (np.maximum(follow - discount, 0) + lower) / total, p)
        return np.log(p)

    return scores


def longest_match(grams: NGrams) -> Scores:
    """What follows the longest history that occurs in the text, and hardly anything else."""

    def scores(rows: np.ndarray) -> np.ndarray:
        found = np.ones((len(rows), V))
        for length in range(grams.order):
            follow = grams.followers(rows[:, rows.shape[1] - length :].astype(np.int64))
            found = np.where(follow.sum(axis=1, keepdims=True) > 0, follow + 0.01, found)
        return np.log(found / found.sum(axis=1, keepdims=True))

    return scores


def mixture(grams: NGrams, held: TestSet) -> Scores:
    """All orders with weights that suit the validation contexts best (Jelinek and Mercer 1980)."""

    def each(rows: np.ndarray) -> np.ndarray:
        orders = list(grams.of_each_order(rows))[:8]
        return np.stack([*orders, np.full_like(orders[0], 1 / V)])  # (9, N, V)

    seen = each(held.validation)[:, np.arange(len(held.validation)), held.validation_follow[:, 0]]
    weights = np.full(len(seen), 1 / len(seen))
    for _ in range(200):  # steps of expectation maximization
        parts = weights[:, None] * seen
        weights = (parts / parts.sum(axis=0)).mean(axis=1)
    return lambda rows: np.log(np.tensordot(weights, each(rows), axes=1))


def print_head() -> None:
    print(
        f"{'':<28}{'nats':>8}{'share':>7}{'best T':>9}{'share':>7}"
        f"{'texts':>9}{'idle':>6}{'share':>7}"
    )


def show(name: str, held: TestSet, scores: Scores) -> None:
    """Score the next characters, as they are and at the temperature that validation text asks for,
    and what is written greedily, without special symbols."""
    rows = held.beginnings.astype(np.int64)
    for _ in range(WRITTEN):
        ordinary = scores(rows)[:, EOS + 1 :].argmax(axis=1) + EOS + 1
        rows = np.concatenate([rows, ordinary[:, None]], axis=1)
    validation = scores(held.validation)
    show_row(name, held, scores(held.contexts), validation, rows[:, -WRITTEN:])


def show_row(
    name: str, held: TestSet, asked: np.ndarray, validation: np.ndarray, added: np.ndarray
) -> None:
    costs = {
        T: test_set.next_character_nll(validation / T, held.validation_follow[:, 0])
        for T in TEMPERATURES
    }
    best = min(costs, key=lambda T: costs[T])
    shown = ""
    for T, wide in ((1.0, 8), (best, 9)):
        nats = held_out.next_character_nll(asked / T, held.contexts_follow)
        shown += (
            f"{nats:>{wide}.3f}{held_out.SCALES[PREDICTIONS].share(nats - held.counting):>7.2f}"
        )
    show_texts(f"{name:<28}{shown}", held, added)


def show_texts(name: str, held: TestSet, added: np.ndarray) -> None:
    """Score texts, apart from what the predictions are worth."""
    judge = NGrams(held.judge_text)
    nats = -judge.log_probabilities(held.beginnings, added).mean()
    idle = held_out.degenerate(held.beginnings, added).sum()
    share, _ = held_out.judged_generations(held, added)
    print(f"{name:<59}{nats:>9.3f}{idle:>6}{share:>7.2f}", flush=True)


def reference(held: TestSet, seed: int) -> None:
    """Train the instructors' model; score its run's files, and its scores halved and doubled."""
    began = time.perf_counter()
    names = run("ps5_attention_backward", seed)
    minutes = (time.perf_counter() - began) / 60
    folder = names["run"]
    added = held_out.read_generations((folder / GENERATIONS).read_bytes(), held)
    asked = held_out.read_predictions((folder / PREDICTIONS).read_bytes(), held)
    validation = names["scores"][:, 0].numpy()
    show_row(f"seed {seed}, {minutes:.1f} minutes", held, asked, validation, added)
    for name, factor in (("halved", 0.5), ("doubled", 2.0)):
        show_row(f"  its scores {name}", held, factor * asked, factor * validation, added)


if __name__ == "__main__":
    main()
