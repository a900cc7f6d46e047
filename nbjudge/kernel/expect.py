"""Vocabulary of a KEY region: `expect` and the comparators.

nbgrader never saves or releases a KEY region; only `nbjudge build` runs it.
A comparator is plain data here: a kind, and parameters that can be sent. The class of that kind
in `nbjudge.judge.comparators` does the comparison; a new comparator needs its function here and
its class there.
"""

from typing import Any

import numpy as np

from nbjudge.kernel import evidence
from nbjudge.kernel.observe import send

Comparator = dict[str, Any]


def expect(
    name: str,
    comparator: Comparator,
    *,
    guard: bool = False,
    oracle: Any = None,
    stand_in: str | None = None,
) -> None:
    """Say how the observation `name` of this cell is to be compared.

    The expected value is the result of the instructor's own solution.  With `oracle`, it is that
    independently computed value, and the build requires the solution to agree with it.
    A `guard` earns nothing; failing it costs one observation.  `stand_in` names an observation of
    the same function with the instructor's parts in place of the student's, which is compared
    with its result in the instructor's own notebook; the better of the two counts.
    """
    send(
        {
            "expectation": name,
            "comparator": comparator,
            "guard": guard,
            "oracle": None if oracle is None else evidence.encode(oracle),
            "stand_in": stand_in,
        }
    )


def equal() -> Comparator:
    """Exactly the same text, integers, or truth values."""
    return {"kind": "equal"}


def close(rtol: float, atol: float = 0.0) -> Comparator:
    """|observed − expected| ≤ atol + rtol · |expected|, elementwise."""
    if not (rtol >= 0 and atol >= 0 and rtol + atol > 0):
        raise ValueError("close needs a positive rtol or atol")
    return {"kind": "close", "rtol": float(rtol), "atol": float(atol)}


def subset(of: Any) -> Comparator:
    """A non-empty text or sequence, every element of which is in `of`."""
    return {"kind": "subset", "of": evidence.encode(list(of))}


def frequencies(probabilities: Any, groups: Any = None) -> Comparator:
    """Counts drawn from `probabilities` (V,) that sum to one.

    groups: the group of each outcome, (V,) integers from 0 to G - 1; None: each is its own

    The counts are of shape (G,), or (V,) without groups. A group of probability zero may not occur
    at all.  The others must satisfy a Chernoff bound, which a correct sampler violates less than
    once in a million gradings.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 1 or (p < 0).any() or abs(p.sum() - 1) > 1e-6:
        raise ValueError("frequencies needs probabilities of shape (V,) that sum to one")
    of = np.arange(p.size) if groups is None else np.asarray(groups)
    if of.shape != p.shape or of.dtype.kind not in "iu" or of.min() < 0:
        raise ValueError("frequencies needs a group from 0 on for each probability")
    return {"kind": "frequencies", "p": evidence.encode(p / p.sum()), "groups": evidence.encode(of)}


def at_most(bound: float) -> Comparator:
    """A number of at most `bound`."""
    return {"kind": "at_most", "bound": float(bound)}
