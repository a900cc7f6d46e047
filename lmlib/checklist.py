"""Checklist for a project before it is submitted: one line per item, ✓ or what to do. No points."""

import re
from collections.abc import Callable
from pathlib import Path

from lmlib import pdf
from lmlib.run_log import Results, Run

SEEDS = 3
MOST_PAGES = 4
MOST_HOURS = 2.0
TOLERANCE = 1.05  # times the budget: the last step of a run may have been slow


def show(
    authors: Callable[[], object],
    code_link: Callable[[], object],
    results: Results,
    report: Path = Path("report.md"),
) -> None:
    """Print the checklist: authors, link, runs, budgets, figure, and the report's length.

    authors, code_link: functions from the notebook, which may not be written yet
    """
    for is_done, done, to_do in (
        _people(_answer(authors)),
        _link(_answer(code_link)),
        _seeds(results),
        _budgets(results),
        _hours(results),
        _figure(report),
        _length(report.with_suffix(".pdf")),
    ):
        print(f"✓ {done}" if is_done else f"… {to_do}")


Item = tuple[bool, str, str]  # whether it is done, and the messages if it is and if it is not


def _answer(function: Callable[[], object]) -> object:
    try:
        return function()
    except Exception:  # not written yet, or wrong: either way, still to do
        return None


def _people(names: object) -> Item:
    given = list(names) if isinstance(names, list | tuple) else []
    good = 1 <= len(given) <= 2 and all(isinstance(name, str) and name.strip() for name in given)
    return (
        good,
        f"by {' and '.join(map(str, given))}",
        "name yourself, or both of you, in authors",
    )


def _link(address: object) -> Item:
    good = isinstance(address, str) and bool(re.fullmatch(r"https?://\S+\.\S+", address.strip()))
    return (
        good,
        f"the code is at {address}",
        "give the address of your code in code_link: https://…",
    )


def _seeds(results: Results) -> Item:
    most = 0  # candidates compared under one budget
    for part in results.by_budget().values():
        losses = part.losses()
        most = max(most, sum(len(values) >= SEEDS for values in losses.values()))
    return (
        most >= 2,
        f"{most} candidates were compared with at least {SEEDS} seeds each",
        f"compare the baseline and a candidate of your own under one budget, {SEEDS} seeds each",
    )


def _budgets(results: Results) -> Item:
    runs = _finished(results)
    over = [run for run in runs if run.spent > TOLERANCE]
    names = ", ".join(f"{run.candidate} with seed {run.seed}: {run.spent:.2f}" for run in over)
    to_do = (
        f"these spent more than their budget (1 is all of it): {names}"
        if over
        else "no run has finished yet"
    )
    return bool(runs) and not over, "every run kept within its budget", to_do


def _hours(results: Results) -> Item:
    hours = sum(run.seconds for run in _finished(results)) / 3600
    return (
        0 < hours <= MOST_HOURS,
        f"{hours:.2f} hours of training in the log, of {MOST_HOURS:g}",
        f"the log holds {hours:.2f} hours of training; it should be more than 0 and at most"
        f" {MOST_HOURS:g}",
    )


def _finished(results: Results) -> list[Run]:
    return [run for run in results.runs if not run.error]


def _figure(report: Path) -> Item:
    text = report.read_text(encoding="utf-8") if report.is_file() else ""
    named = re.findall(r"!\[[^\]]*\]\(([^)\s]+)", text)
    there = [name for name in named if (report.parent / name).is_file()]
    missing = f" ({', '.join(set(named) - set(there))} does not exist)" if named else ""
    return (
        bool(there) and len(there) == len(named),
        f"{report.name} shows {', '.join(there)}",
        f"show at least one figure in {report.name}: ![its caption](losses-1.png){missing}",
    )


def _length(printed: Path) -> Item:
    pages = pdf.count_pages(printed.read_bytes()) if printed.is_file() else 0
    told = f"{pages} {'page' if pages == 1 else 'pages'}"
    what = (
        f"has {told} and should have at most {MOST_PAGES}: shorten it"
        if pages
        else "does not exist yet"
    )
    return (
        1 <= pages <= MOST_PAGES,
        f"{printed.name} has {told}",
        f"{printed.name} {what}; `lmlib pdf report.md` creates it",
    )
