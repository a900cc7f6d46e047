"""Explanation of a score for an instructor: every observation beside what was expected of it.

It names hidden inputs' results and expected values, so it is never part of a student's feedback.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbjudge.core.limits import Limits
from nbjudge.judge import differences, judge, naming
from nbjudge.judge.answer_key import AnswerKey, CellKey, Expectation, observations
from nbjudge.judge.comparators import Close, Comparator
from nbjudge.judge.differences import Observations
from nbjudge.judge.verdicts import Record, Verdict
from nbjudge.kernel.evidence import BadEvidence, Observation, Opaque, decode
from nbjudge.pages import templates
from nbjudge.shared import markup

if TYPE_CHECKING:  # whoever only shows an explanation does not pay for the sandbox
    from nbjudge.sandbox.engine import Run

LONGEST_VALUE = 400  # characters
MOST_NUMBERS = 5  # of an array, the worst first
DIGITS = 6

NOTHING = "nothing"
REPEATED = "more than one value under this name"


@dataclass(frozen=True)
class Number:
    """One number of an observed array that is off, or the one that is closest to it."""

    place: str  # its index
    came: str
    expected: str
    gap: str
    tolerance: str


@dataclass(frozen=True)
class Way:
    """An observation, or its stand-in, beside the value that was expected of it."""

    name: str
    came: str
    expected: str
    says: str  # what is wrong with it, as the student reads it; "" if it matches
    gap: str  # in units of the tolerance; "" for a comparator without one
    numbers: tuple[Number, ...]

    @property
    def matches(self) -> bool:
        return not self.says


@dataclass(frozen=True)
class Compared:
    """One expectation of a cell, and what came."""

    name: str
    is_guard: bool
    rule: str  # the comparator with its parameters
    ways: tuple[Way, ...]  # the observation, and its stand-in if it has one
    mistakes: tuple[str, ...]  # known mistakes that show the same here

    @property
    def matches(self) -> bool:
        return any(way.matches for way in self.ways)


@dataclass(frozen=True)
class Likeness:
    """How many observations of a cell are those of a known mistake."""

    mistake: str
    says: str
    equal: int
    of: int

    @property
    def is_complete(self) -> bool:
        return self.equal == self.of


@dataclass(frozen=True)
class CellExplanation:
    """Why a grade cell has its score."""

    verdict: Verdict
    compared: tuple[Compared, ...]
    mistakes: tuple[Likeness, ...]
    unexpected: tuple[str, ...]  # names that were observed, and nobody expects
    has_own_settings: bool  # whether the run with the student's own settings was the better one


@dataclass(frozen=True)
class InGradebook:
    """What the gradebook has for a cell; empty where there is nothing."""

    machine: float | None
    person: float | None


@dataclass(frozen=True)
class Explanation:
    """Why a submission has its scores: it was run again, and compared with the answer key."""

    record: Record  # of this run; the gradebook may have an earlier one
    cells: tuple[CellExplanation, ...] = ()
    stopped: tuple[tuple[str, str], ...] = ()  # cell, and why it was left out
    limits: tuple[tuple[str, str], ...] = ()
    gradebook: Mapping[str, InGradebook] = dataclasses.field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is remarkable about how the notebook ran."""
        return (*self.record.notes, *(f"The cell {cell} {why}." for cell, why in self.stopped))


def explained(
    key: AnswerKey, record: Record, run: "Run", limits: Limits, cell: str | None = None
) -> Explanation:
    """The explanation of `record`, which came of `run`; of one grade cell, if it is named."""
    verdicts = {verdict.grade_id: verdict for verdict in record.verdicts}
    wanted = [one for one in key.cells if cell in (None, one.grade_id)]
    return Explanation(
        record,
        tuple(_explained_cell(one, verdicts[one.grade_id], run) for one in wanted),
        tuple(run.stopped.items()),
        tuple((name, f"{value:,.10g}") for name, value in dataclasses.asdict(limits).items()),
    )


def _explained_cell(cell: CellKey, verdict: Verdict, run: "Run") -> CellExplanation:
    if cell.scored_file or cell.has_asserts:  # the words are all there is
        return CellExplanation(verdict, (), (), (), False)
    stopped = run.stopped.get(cell.grade_id)
    seen = judge.observed_in(cell, run)
    scores = [judge.judge_cell(cell, observed, stopped).score for observed in seen]
    chosen = scores.index(max(scores))
    observed = seen[chosen]
    shown = {mistake.id: observations(mistake.payloads) for mistake in cell.mistakes}
    compared = tuple(_compared(entry, observed, shown) for entry in cell.expectations)
    expected = {name for entry in cell.expectations for name, _ in entry.ways()}
    return CellExplanation(
        verdict,
        compared,
        tuple(
            Likeness(
                mistake.id,
                mistake.says,
                sum(mistake.id in one.mistakes for one in compared),
                len(compared),
            )
            for mistake in cell.mistakes
        ),
        tuple(sorted(observed.keys() - expected)),
        has_own_settings=chosen > 0,
    )


def _compared(
    entry: Expectation, observed: Observations, mistakes: Mapping[str, Observations]
) -> Compared:
    return Compared(
        entry.name,
        entry.guard,
        _rule(entry.rule),
        tuple(_way(entry, name, value, observed) for name, value in entry.ways()),
        tuple(
            name
            for name, theirs in mistakes.items()
            if naming.same_evidence(entry, observed, theirs)
        ),
    )


def _way(entry: Expectation, name: str, value: Any, observed: Observations) -> Way:
    found, expected = observed.get(name), decode(value)
    says = differences.wrong_value(entry, value, found) or ""
    gap, numbers = "", tuple[Number, ...]()
    if found is not None and not found.raised and isinstance(entry.rule, Close):
        off = entry.rule.gap(found.value, expected)
        gap = f"{off:.3g}" if math.isfinite(off) else "cannot be subtracted"
        numbers = tuple(_numbers(entry.rule, found.value, expected))
    came = REPEATED if name in observed and found is None else _came(found)
    return Way(name, came, shown(expected), says, gap, numbers)


def _numbers(rule: Close, observed: Any, expected: Any) -> Iterator[Number]:
    """The numbers of an array that are furthest off, in units of their tolerance."""
    if not (isinstance(observed, np.ndarray) and isinstance(expected, np.ndarray)):
        return
    if observed.size != expected.size or not observed.size:
        return
    one = observed.astype(np.float64)
    other = expected.astype(np.float64).reshape(one.shape)
    tolerance = rule.atol + rule.rtol * np.abs(other)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        off = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0, np.abs(one - other))
        rank = np.nan_to_num(off / tolerance, nan=np.inf, posinf=np.inf)
    rank = np.where(off == 0, 0.0, rank)
    for flat in np.argsort(-rank, axis=None, kind="stable")[:MOST_NUMBERS]:
        place = tuple(int(index) for index in np.unravel_index(flat, one.shape))
        numbers = (one[place], other[place], off[place], tolerance[place])
        came, right, gap, most = (f"{number:.{DIGITS}g}" for number in numbers)
        yield Number(", ".join(map(str, place)), came, right, gap, most)


def _came(found: Observation | None) -> str:
    """What was observed, in words; an exception with its message, which only instructors see."""
    if found is None:
        return NOTHING
    if found.raised:
        return markup.shortened(f"{found.raised.type}: {found.raised.message}", LONGEST_VALUE)
    changed = " (and the arguments were changed in place)" if found.changed else ""
    return f"{shown(found.value)}{changed}"


def _rule(rule: Comparator) -> str:
    """A comparator as an author writes it."""
    parameters = ", ".join(
        f"{field.name}={_parameter(getattr(rule, field.name))}"
        for field in dataclasses.fields(rule)  # type: ignore[arg-type]  # each is a dataclass
    )
    return f"{type(rule).__name__.lower()}({parameters})"


def _parameter(value: Any) -> str:
    if isinstance(value, int | float):
        return f"{value:g}"
    try:
        return shown(decode(value))
    except BadEvidence:
        return repr(value)


def shown(value: Any) -> str:
    """A plain value in a few words: its dtype, shape and first numbers, or its text."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type}"
    if isinstance(value, np.ndarray):
        numbers = np.array2string(value, precision=DIGITS, threshold=12, edgeitems=2)
        kind = f"{value.dtype} {value.shape} " if value.ndim else f"{value.dtype} "
        return markup.shortened(kind + " ".join(numbers.split()), LONGEST_VALUE)
    if isinstance(value, list):
        return markup.shortened(f"[{', '.join(map(shown, value))}]", LONGEST_VALUE)
    if isinstance(value, dict):
        items = ", ".join(f"{name!r}: {shown(item)}" for name, item in value.items())
        return markup.shortened(f"{{{items}}}", LONGEST_VALUE)
    return markup.shortened(repr(value), LONGEST_VALUE)


def page(explanation: Explanation, title: str) -> str:
    """The explanation as HTML: one file without scripts, for instructors only."""
    text = templates.template("explanation").render(
        title=markup.plain(title), found=explanation, notes=explanation.notes, plain=markup.plain
    )
    return text.strip() + "\n"
