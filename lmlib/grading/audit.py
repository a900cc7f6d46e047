"""`lmlib audit`: does every mistake lose its points, and every alternate keep them?

The build has recorded what each mistake shows; the audit runs them all again, so that a mistake
caught by luck of the draw, or an alternate that once passed, does not go unnoticed.  Where that
costs too much time, it judges the runs of mistakes that the build has kept.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from pathlib import Path

from lmlib.grading import engine, judge
from lmlib.grading.answer_key import AnswerKey, key_for_grading
from lmlib.grading.course import Course
from lmlib.grading.engine import Run, Task
from lmlib.grading.errors import CourseError
from lmlib.grading.key_checks import is_caught
from lmlib.grading.mistakes import Mistake, read_mistakes, solutions_of, with_mistake
from lmlib.grading.notebooks import is_test, read_notebook
from lmlib.grading.runs import kept_run, student_task

ENOUGH_NAMED = 0.9
"""The share of mistakes that feedback must call by their name."""


@dataclass(frozen=True)
class Finding:
    """What the audit found of one mistake or alternate."""

    assignment: str
    kind: str  # "mistake" or "alternate"
    name: str
    good: bool  # the mistake was caught, the alternate kept its points
    named: bool  # the mistake got its own sentence
    detail: str  # what was wrong, in a sentence


def audit(
    course: Course,
    name: str,
    executor: Executor,
    progress: Callable[[Finding], None],
    *,
    kept: bool = False,
) -> list[Finding]:
    """Run every mistake and alternate of the assignment `name`, judged with its answer key.

    kept: take the build's own run of a mistake where there is one.
    Raises CourseError where the assignment has no current release and key.
    """
    assignment = course.assignment(name)
    key = key_for_grading(course, name)
    source = read_notebook(course.source(name))
    wrong = read_mistakes(course.mistakes(name), source)
    answers = solutions_of(source)
    tasks: dict[Mistake | Path, Task] = {
        mistake: student_task(assignment, key.template, with_mistake(source, mistake))
        for mistake in wrong.mistakes
    }
    for path in sorted(course.alternates(name).glob("*/*.py")):
        if path.parent.name not in answers:
            raise CourseError(f"{path} is an alternate of an unknown solution cell.")
        written = answers | {path.parent.name: path.read_text(encoding="utf-8")}
        tasks[path] = student_task(assignment, key.template, written)
    findings = []
    jobs = {}
    for what, task in tasks.items():
        run = kept_run(task, course.key(name) / "runs") if kept else None
        job: Future[Run] = Future() if run else executor.submit(engine.run, task)
        if run:
            job.set_result(run)
        jobs[job] = what
    for job in as_completed(jobs):
        findings.append(_finding(key, jobs[job], job.result()))
        progress(findings[-1])
    return sorted(findings, key=lambda finding: (finding.kind, finding.name))


def is_audited(course: Course, name: str) -> bool:
    """Whether the machine gives any points of the assignment `name`, so that it could err."""
    return any(map(is_test, read_notebook(course.source(name)).cells))


def _finding(key: AnswerKey, what: Mistake | Path, run: Run) -> Finding:
    if isinstance(what, Mistake):
        return _mistake_finding(key, what, run)
    return _alternate_finding(key, what, run)


def _mistake_finding(key: AnswerKey, mistake: Mistake, run: Run) -> Finding:
    verdicts = judge.judge_run(key.cells, run)
    kept = [name for name in mistake.breaks if not is_caught(verdicts[name], mistake)]
    unnamed = [name for name in mistake.breaks if mistake.says not in verdicts[name].words]
    detail = ""
    if kept:
        detail = f"keeps {verdicts[kept[0]].score:g} of {verdicts[kept[0]].points:g} in {kept[0]}"
    elif unnamed:
        detail = f"is not named in {unnamed[0]}: {' '.join(verdicts[unnamed[0]].words)}"
    return Finding(key.assignment, "mistake", mistake.id, not kept, not unnamed, detail)


def _alternate_finding(key: AnswerKey, path: Path, run: Run) -> Finding:
    name = f"{path.parent.name}/{path.stem}"
    for verdict in judge.judge_run(key.cells, run).values():
        if verdict.score < verdict.points:
            lost = f"loses points in {verdict.grade_id}: {' '.join(verdict.words)}"
            return Finding(key.assignment, "alternate", name, False, False, lost)
    return Finding(key.assignment, "alternate", name, True, False, "")


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
