"""Power of the tests of random code: how often draws from a wrong distribution would pass.

A sampler is judged by counts, and a right one is never refused by bad luck. So counts need enough
draws, and a distribution that is sharp enough, for wrong ones to be refused.
"""

from collections.abc import Callable, Mapping

import numpy as np

from nbjudge.core.errors import CourseError
from nbjudge.judge.answer_key import CellKey
from nbjudge.judge.comparators import Frequencies
from nbjudge.kernel.evidence import decode

MOST = 0.01
"""The largest chance with which a wrong distribution may pass."""

FEWEST = 3
"""Outcomes of what may be called a distribution over tokens; a coin has no temperature."""


def _at(temperature: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda p: p ** (1 / temperature)


def _likeliest(k: int) -> Callable[[np.ndarray], np.ndarray]:
    def cut(p: np.ndarray) -> np.ndarray:
        ranks = np.argsort(np.argsort(-p, kind="stable"))
        return np.where(ranks < k, p, 0.0)

    return cut


SLIPS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "at temperature 0.8": _at(0.8),
    "at temperature 0.9": _at(0.9),
    "at temperature 1.2": _at(1.2),
    "from the five likeliest only": _likeliest(5),
    "uniformly from what can occur": lambda p: (p > 0).astype(float),
}
"""Distributions that students draw from instead of p (V,), up to a factor."""


def check_power(cells: list[CellKey]) -> None:
    """Refuse a cell that would let draws from one of the wrong distributions pass.

    A cell passes only if all its counts do. Distributions that no count of the cell can tell from
    the right one are left out.

    Raises CourseError, naming the cell and the distribution.
    """
    for cell in cells:
        for slip, chance in chances(cell).items():
            if chance > MOST:
                raise CourseError(
                    f"The counts in {cell.grade_id} are too weak: who draws {slip} passes with a "
                    f"chance of up to {chance:.2g}, and {MOST:g} is allowed. Take more draws, or "
                    "a sharper distribution."
                )


def chances(cell: CellKey) -> dict[str, float]:
    """A bound on the chance of each wrong distribution to pass, if the cell has counts."""
    counted = [
        (entry.rule, decode(entry.rule.p), int(decode(entry.value).sum()))
        for entry in cell.expectations
        if isinstance(entry.rule, Frequencies)
    ]
    found = {}
    for slip, drawn_from in SLIPS.items():
        told_apart = []
        for rule, outcomes, draws in counted:
            slipped = drawn_from(outcomes)
            p, q = rule.of_groups(outcomes), rule.of_groups(slipped / slipped.sum())
            if (outcomes > 0).sum() < FEWEST:
                continue
            if not np.allclose(p, q, atol=1e-3):
                told_apart.append(chance_to_pass(p, q, draws))
        if told_apart:
            found[slip] = float(np.prod(told_apart))
    return found


def chance_to_pass(p: np.ndarray, q: np.ndarray, draws: int) -> float:
    """A bound on the chance that counts of draws from q (V,) pass for draws from p (V,).

    Every outcome's count must lie within the bound, so the chance is at most that of the outcome
    which is the least likely to.
    """
    counts = np.arange(draws + 1)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, draws + 1)))])
    log_choices = log_factorials[-1] - log_factorials - log_factorials[::-1]  # (draws + 1,)
    least = 1.0
    for expected, actual in zip(p, q, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = log_choices + np.where(counts > 0, counts * np.log(actual), 0.0)
            logs += np.where(counts < draws, (draws - counts) * np.log1p(-actual), 0.0)
        likely = np.exp(logs)
        passes = Frequencies.is_plausible(counts, expected, draws, p.size)
        least = min(least, float(likely[passes].sum()))
    return least
