"""Progress bars on stderr."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from nbjudge.authoring.audit import Finding
from nbjudge.judge.verdicts import Record
from nbjudge.shared.text import plain


class _Rate(ProgressColumn):
    """The rate, per minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{60 * task.speed:.0f}/min" if task.speed else "")


def bars() -> Progress:
    """A display for the bars of one command."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=Console(stderr=True),
    )


def building(bar: Progress) -> Callable[[str, str, int, int], None]:
    """The progress of `build_all`: a bar for each assignment."""
    tasks: dict[str, TaskID] = {}

    def show(name: str, what: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(f"building {name}", total=None, what="")
        bar.update(tasks[name], completed=done, total=total, what=what)

    return show


def grading(bar: Progress, name: str, total: int) -> Callable[[Record], None]:
    """The progress of `grade`: a bar, with a line above it for each failed submission."""
    task = bar.add_task(f"grading {name}", total=total, what="")

    def show(record: Record) -> None:
        bar.update(task, advance=1, what=plain(record.student))
        if record.status == "failed":
            sentence = plain(f"{record.student}: failed: {record.reason}")
            bar.console.print(sentence, highlight=False, markup=False)

    return show


def mutating(bar: Progress, name: str) -> Callable[[str, int, int], None]:
    """The progress of the audit of mutants: a bar."""
    task = bar.add_task(f"mutants of {name}", total=None, what="")

    def show(what: str, done: int, total: int) -> None:
        bar.update(task, completed=done, total=total, what=what)

    return show


def auditing(bar: Progress, name: str) -> Callable[[Finding], None]:
    """The progress of `audit`: a bar."""
    task = bar.add_task(f"auditing {name}", total=None, what="")

    def show(found: Finding) -> None:
        bar.update(task, advance=1, what=found.name)

    return show
