"""Log of runs on disk, and a table of their costs and losses with means and standard deviations.

The log is JSON, one run per line.  Nothing in it is overwritten: if a run was repeated, the newest
counts, and a candidate that has changed starts over.
"""

import dataclasses
import json
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lmlib import experiments

LOG = Path("results.json")
ESTIMATES = 10  # of the validation loss in a run, not counting the one at its end


class DamagedLog(Exception):
    """A log that cannot be read. The message says what to do."""


@dataclass(frozen=True)
class Run:
    """One candidate, trained once."""

    candidate: str
    seed: int
    budget: str
    fingerprint: str = ""  # of the candidate and the data; a new one is a new experiment
    start: str = ""  # fingerprint of the initial weights and settings
    parameters: int = 0
    steps: int = 0
    seconds: float = 0.0
    flops: float = 0.0
    spent: float = 0.0  # fraction of the budget
    validation: float = 0.0  # nats per token, at the end
    test: float = 0.0
    curve: list[tuple[float, float]] = field(default_factory=list)  # (spent, validation loss)
    uncounted: list[str] = field(default_factory=list)  # operations whose FLOPs are not known
    error: str = ""  # why the figures above are missing
    folder: str = ""  # in experiments/, with the trained weights


@dataclass(frozen=True)
class Results:
    """Runs, newest last, displayed as a table.

    Losses and curves must come from a single budget: use `by_budget()` first.
    """

    runs: tuple[Run, ...] = ()

    def losses(self, part: str = "test") -> dict[str, list[float]]:
        """Losses in nats per token, one per seed, by candidate.  part: "test" or "validation"."""
        rows = ((name, _finished(runs)) for (name, _), runs in self.rows().items())
        return {name: [getattr(run, part) for run in runs] for name, runs in rows if runs}

    def curves(self) -> dict[str, tuple[list[float], list[float]]]:
        """The mean validation loss (values) at each share of the budget (positions)."""
        shares = np.linspace(0.0, 1.0, ESTIMATES + 1)
        found = {}
        for (name, _), runs in self.rows().items():
            if ended := _finished(runs):
                curves = [np.array(run.curve) for run in ended]  # each (points, 2)
                losses = [np.interp(shares, curve[:, 0], curve[:, 1]) for curve in curves]
                found[name] = (shares.tolist(), np.mean(losses, axis=0).tolist())
        return found

    def by_budget(self) -> dict[str, "Results"]:
        """The runs under each budget: only runs under the same budget can be compared."""
        budgets = dict.fromkeys(run.budget for run in self.runs)
        return {
            budget: Results(tuple(run for run in self.runs if run.budget == budget))
            for budget in budgets
        }

    def rows(self) -> dict[tuple[str, str], list[Run]]:
        """The newest run of each seed, by candidate and budget.

        If a candidate has changed, only runs of its newest version count.
        """
        newest = {(run.candidate, run.budget): run.fingerprint for run in self.runs}
        found: dict[tuple[str, str], dict[int, Run]] = {key: {} for key in newest}
        for run in self.runs:
            if newest[run.candidate, run.budget] == run.fingerprint:
                found[run.candidate, run.budget][run.seed] = run
        return {key: [by_seed[seed] for seed in sorted(by_seed)] for key, by_seed in found.items()}

    def table(self) -> list[tuple[str, ...]]:
        """The table's rows as text, HEADER first."""
        return [HEADER, *(_row(name, of, runs) for (name, of), runs in self.rows().items())]

    def __str__(self) -> str:
        table = self.table()
        widths = [max(map(len, column)) for column in list(zip(*table, strict=True))[:-1]]
        lines = []
        for first, *others, last in table:
            cells = [first.ljust(widths[0])]
            cells += [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join([*cells, last]).rstrip())
        return "\n".join(lines)

    __repr__ = __str__

    def markdown(self) -> str:
        """The table in Markdown, for a report; numbers and their units stay on one line."""
        rows = self.table()
        if not any(row[-1] for row in rows):  # no notes
            rows = [row[:-1] for row in rows]
        width = len(HEADER) - 1
        as_is = [[re.sub(r"([\\`*_<|$])", r"\\\1", cell) for cell in row] for row in rows]
        header, *others = [
            [*(cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in row[:width]), *row[width:]]
            for row in as_is
        ]
        rule = ["---", *["--:"] * (width - 1), *["---"] * len(header[width:])]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *others))

    _repr_markdown_ = markdown


HEADER = ("candidate", "budget", "seeds", "parameters", "steps", "seconds", "TFLOPs", "validation",
          "test", "")  # fmt: skip


def read(log: Path = LOG) -> Results:
    """All runs in the log; none if there is no log yet.  Raises DamagedLog if it cannot be read."""
    try:
        listed = json.loads(log.read_text(encoding="utf-8"))["runs"]
        runs = [
            Run(**{**entry, "curve": [(spent, loss) for spent, loss in entry.get("curve", [])]})
            for entry in listed
        ]
    except FileNotFoundError:
        return Results()
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedLog(
            f"{log} is not a log of runs ({error}): move it away, and a new one is started."
        ) from None
    return Results(tuple(runs))


def write(runs: Sequence[Run], log: Path) -> None:
    """Write the log, without the empty fields of a run, such as the figures of one that failed."""
    known = (dataclasses.asdict(run) for run in runs)
    kept = (
        {name: value for name, value in run.items() if value or name == "seed"} for run in known
    )
    listed = ",\n".join(map(json.dumps, kept))
    experiments.write(log, f'{{"runs": [\n{listed}\n]}}\n'.encode())


def _finished(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if not run.error]


def _row(name: str, budget: str, runs: Sequence[Run]) -> tuple[str, ...]:
    ended = _finished(runs)
    failed = [run for run in runs if run.error]
    notes = [f"{len(failed)} of {len(runs)} failed: {failed[-1].error}"] if failed else []
    if uncounted := sorted({name for run in ended for name in run.uncounted}):
        notes.append(f"FLOPs without {', '.join(uncounted)}")
    note = "; ".join(notes)
    if not ended:
        return (name, budget, "0", *["–"] * (len(HEADER) - 4), note)
    return (
        name,
        budget,
        str(len(ended)),
        f"{ended[-1].parameters:,}",
        f"{statistics.mean(run.steps for run in ended):,.0f}",
        f"{statistics.mean(run.seconds for run in ended):,.1f}",
        f"{statistics.mean(run.flops for run in ended) / 1e12:,.3g}",
        spread([run.validation for run in ended]),
        spread([run.test for run in ended]),
        note,
    )


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation; a single value has no deviation."""
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.3f}"
