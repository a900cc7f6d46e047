"""`nbjudge audit`: whether every mistake loses its points and every alternate keeps them.

The build has recorded the evidence of each mistake; the audit runs them all again, to notice a
mistake that was caught by luck, or an alternate that no longer passes.  To save time, it can judge
the runs of mistakes that the build has kept.

Alternates of different exercises are run together, as answers of one student who writes everything
differently from the instructor, and once more behind a cell that changes the ground under the
course's own code (`nbjudge.authoring.changed_ground`).  If points are lost, each half of them is
run, and so on, until it is known which of them loses points by itself.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from nbjudge.authoring.changed_ground import as_one_cell, grounds
from nbjudge.authoring.key_rules import is_caught
from nbjudge.authoring.mistakes import Mistake, read_mistakes, solutions_of, with_mistake
from nbjudge.authoring.runs import carrying, kept_run, student_task
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import has_evidence, is_test, read_notebook
from nbjudge.judge import judge
from nbjudge.judge.answer_key import AnswerKey, key_for_grading
from nbjudge.sandbox import engine
from nbjudge.sandbox.engine import Run, Task
from nbjudge.sandbox.workers import NotebookExecutor

ENOUGH_NAMED = 0.9
"""The share of mistakes that feedback must name."""


Alternates = tuple[Path, ...]
"""Right answers to different exercises: each one's file, by exercise."""


@dataclass(frozen=True)
class Changed:
    """Right answers behind a cell that changes the ground under the course's own code."""

    paths: Alternates
    ground: dict[str, str]  # what is changed → the code that changes it

    def __len__(self) -> int:
        return len(self.ground)


@dataclass(frozen=True)
class Finding:
    """What the audit found of one mistake or alternate."""

    assignment: str
    kind: str  # "mistake", "alternate", or "ground"
    name: str
    good: bool  # the mistake was caught, the alternate kept its points
    named: bool  # the mistake got its own sentence
    detail: str  # what was wrong, in a sentence


def audit(
    course: Course,
    name: str,
    executor: NotebookExecutor,
    progress: Callable[[Finding], None],
    *,
    kept: bool = False,
) -> list[Finding]:
    """Run every mistake and alternate of the assignment `name`, judged with its answer key.

    kept: use the build's own run of a mistake if there is one.
    Raises CourseError if the assignment has no current release and key.
    """
    assignment = course.assignment(name)
    key = key_for_grading(course, name)
    template = carrying(key.template, key.files)
    source = read_notebook(course.source(name))
    wrong = read_mistakes(course.mistakes(name), source)
    answers = solutions_of(source)
    kept_runs = course.key(name) / "runs" if kept else None

    def written(paths: Alternates) -> dict[str, str]:
        own = {path.parent.name: path.read_text(encoding="utf-8") for path in paths}
        return answers | own

    def task(what: Mistake | Alternates | Changed) -> Task:
        if isinstance(what, Mistake):
            known = answers if kept else None  # as the build ran it, or everything
            return student_task(assignment, template, with_mistake(source, what), known=known)
        if isinstance(what, Changed):
            own = as_one_cell(what.ground)
            return student_task(assignment, template, written(what.paths), own)
        return student_task(assignment, template, written(what))

    def on_changed_ground(paths: Alternates) -> Changed:
        return Changed(paths, grounds(written(paths).values(), assignment.packages))

    rounds = _rounds(course.alternates(name), answers)
    waiting: list[Mistake | Alternates | Changed] = [*wrong.mistakes, *rounds]
    waiting += [] if rounds else [on_changed_ground(())]
    jobs: dict[Future[Run], Mistake | Alternates | Changed] = {}
    findings = []
    while waiting or jobs:
        jobs |= {_start(executor, task(what), kept_runs): what for what in waiting}
        waiting = []
        job = wait(jobs, return_when=FIRST_COMPLETED).done.pop()
        what = jobs.pop(job)
        if isinstance(what, Mistake):
            found = [_mistake_finding(key, what, job.result(), is_whole=not kept)]
        elif (lost := _what_is_lost(key, job.result())) and len(what) > 1:
            waiting = _halves(what)
            continue
        elif isinstance(what, Changed):
            found = [_ground_finding(key, what, lost)]
        else:
            found = [_alternate_finding(key, path, lost) for path in what]
            waiting = [] if lost else [on_changed_ground(what)]
        for finding in found:
            findings.append(finding)
            progress(finding)
    return sorted(findings, key=lambda finding: (finding.kind, finding.name))


def _rounds(folder: Path, answers: Mapping[str, str]) -> list[Alternates]:
    """Alternates that are run together: the first of each exercise, then the second, and so on.

    Raises CourseError if one belongs to no exercise.
    """
    of_each: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/*.py")):
        if path.parent.name not in answers:
            raise CourseError(f"{path} is an alternate of an unknown solution cell.")
        of_each.setdefault(path.parent.name, []).append(path)
    rounds = zip_longest(*of_each.values())
    return [tuple(path for path in paths if path is not None) for paths in rounds]


def _start(executor: NotebookExecutor, task: Task, kept_runs: Path | None) -> Future[Run]:
    """The run of `task`: the one in the folder `kept_runs`, where it is there, else a new one."""
    run = kept_run(task, kept_runs) if kept_runs else None
    if run is None:
        return executor.submit(engine.run, task)
    job: Future[Run] = Future()
    job.set_result(run)
    return job


def is_audited(course: Course, name: str) -> bool:
    """Whether the machine gives any points in the assignment `name`."""
    wanted = has_evidence if course.assignment(name).has_asserts else is_test
    return any(map(wanted, read_notebook(course.source(name)).cells))


def _mistake_finding(key: AnswerKey, mistake: Mistake, run: Run, is_whole: bool) -> Finding:
    """What was found of a mistake.

    is_whole: whether the whole notebook has run, so that points lost elsewhere would show
    """
    verdicts = judge.judge_run(key.cells, run)
    lost = [
        name
        for name, verdict in verdicts.items()
        if is_whole and name not in mistake.breaks and verdict.score < verdict.points
    ]
    kept = [name for name in mistake.breaks if not is_caught(verdicts[name], mistake)]
    unnamed = [name for name in mistake.breaks if mistake.says not in verdicts[name].words]
    detail = ""
    if kept:
        detail = f"keeps {verdicts[kept[0]].score:g} of {verdicts[kept[0]].points:g} in {kept[0]}"
    elif lost:
        detail = f"also loses points in {lost[0]}: {' '.join(verdicts[lost[0]].words)}"
    elif unnamed:
        detail = f"is not named in {unnamed[0]}: {' '.join(verdicts[unnamed[0]].words)}"
    return Finding(
        key.assignment, "mistake", mistake.id, not kept and not lost, not unnamed, detail
    )


def _what_is_lost(key: AnswerKey, run: Run) -> str:
    """The first cell that loses points in a run of alternates, and why; empty if none does."""
    for verdict in judge.judge_run(key.cells, run).values():
        if verdict.score < verdict.points:
            return f"loses points in {verdict.grade_id}: {' '.join(verdict.words)}"
    return ""


def _alternate_finding(key: AnswerKey, path: Path, lost: str) -> Finding:
    name = f"{path.parent.name}/{path.stem}"
    return Finding(key.assignment, "alternate", name, not lost, False, lost)


def _halves(what: Alternates | Changed) -> list[Mistake | Alternates | Changed]:
    """Two parts of what has lost points together."""
    if not isinstance(what, Changed):
        return [what[: len(what) // 2], what[len(what) // 2 :]]
    changes = list(what.ground.items())
    parts = changes[: len(changes) // 2], changes[len(changes) // 2 :]
    return [Changed(what.paths, dict(part)) for part in parts]


def _ground_finding(key: AnswerKey, changed: Changed, lost: str) -> Finding:
    name = next(iter(changed.ground)) if len(changed) == 1 else "all"
    return Finding(key.assignment, "ground", name, not lost, False, lost)


def summary(findings: list[Finding]) -> str:
    """The audit's last line."""
    mistakes = [finding for finding in findings if finding.kind == "mistake"]
    alternates = [finding for finding in findings if finding.kind == "alternate"]
    caught = sum(finding.good for finding in mistakes)
    named = sum(finding.named for finding in mistakes)
    kept = sum(finding.good for finding in alternates)
    return (
        f"audit: mistakes {caught}/{len(mistakes)} caught, {named} named; "
        f"alternates {kept}/{len(alternates)} kept"
    )


def is_passed(findings: list[Finding]) -> bool:
    """Whether there was something to catch, all was caught or kept, and enough were named."""
    mistakes = [finding for finding in findings if finding.kind == "mistake"]
    named = sum(finding.named for finding in mistakes)
    everything_good = bool(mistakes) and all(finding.good for finding in findings)
    return everything_good and named >= ENOUGH_NAMED * len(mistakes)
