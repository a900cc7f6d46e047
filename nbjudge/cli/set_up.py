"""Commands that set a course up: roster, build, audit, handout."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from nbjudge.authoring import adopt as adopting
from nbjudge.authoring import audit as audits
from nbjudge.authoring import build as builds
from nbjudge.authoring import draft, handed_out
from nbjudge.authoring.mutation import audit as mutation
from nbjudge.cli import progress
from nbjudge.cli.assignments import named, warn_of_exceptions
from nbjudge.cli.tables import print_table
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import grade_id, has_evidence, is_test, read_notebook
from nbjudge.core.tables import read_table
from nbjudge.gradebook import students
from nbjudge.lms import roster as rosters
from nbjudge.shared.command_line import did_you_mean
from nbjudge.workflow import running


def adopt(options: argparse.Namespace) -> int:
    """Take an nbgrader course as it stands; 1 if a notebook of it could not be taken."""
    folder = (options.course or Path()).absolute()
    found = adopting.adopt(folder)
    course = find_course(folder)
    remarks = found.remarks
    problems = dict(found.refused)
    workers = running.started(options.jobs, options.sandbox, options.warm == "on", is_ours=True)
    with workers as executor, progress.bars() as bar:
        for name in found.taken:
            try:
                builds.build_all(course, [name], executor, progress.building(bar))
            except CourseError as error:
                problems[name] = str(error)
        task = bar.add_task("solutions", total=len(found.taken), what="")
        remarks += adopting.try_solutions(course, executor, lambda _: bar.advance(task))
    print_table(
        ("notebook", "cells", "points", ""),
        [(name, str(cells), f"{points:g}", "cannot be graded" if name in problems else "")
         for name, (cells, points) in found.counts.items()],
    )  # fmt: skip
    for one in remarks:
        print(f"{one.notebook}, {one.cell}: {one.sentence}.")
    if found.missing:
        print(f"Not installed here: {', '.join(found.missing)}.")
    for name, reason in problems.items():
        print(f"nbjudge: {name}: {reason}", file=sys.stderr)
    print("Written: course.toml, and the last line of nbgrader_config.py.")
    return 1 if problems else 0


def evidence(options: argparse.Namespace) -> int:
    """Print the `observe` and `expect` form of a cell of asserts, for a person to finish."""
    course = find_course(options.course)
    (name, *others) = named(course, argparse.Namespace(assignments=[options.assignment]))
    cells = {
        found: cell
        for one in (name, *others)
        for cell in read_notebook(course.source(one)).cells
        if is_test(cell) and not has_evidence(cell) and (found := grade_id(cell))
    }
    if options.cell not in cells:
        hint = did_you_mean(options.cell, cells) or f"; it has {', '.join(cells) or 'none'}."
        raise CourseError(f"There is no cell of asserts {options.cell!r} in {name}{hint}")
    print(draft.drafted(cells[options.cell].source))
    return 0


def roster(options: argparse.Namespace) -> int:
    """Enter an LMS's list of students in the gradebook."""
    course = find_course(options.course)
    changes = students.enter(course, rosters.read_roster(read_table(options.file)))
    print_table(
        ("student", "name", "e-mail", ""),
        [(one.person.student, one.person.name, one.person.email, one.what) for one in changes],
    )
    warn_of_exceptions(course)
    return 0


def build(options: argparse.Namespace) -> int:
    """Build releases and answer keys."""
    course = find_course(options.course)
    names = named(course, options)
    workers = running.started(options.jobs, options.sandbox, options.warm == "on", is_ours=True)
    with workers as executor, progress.bars() as bar:
        builds.build_all(course, names, executor, progress.building(bar))
    for name in names:
        if handed_out.is_ahead(course, name):
            print(
                f"{name} is not what students have: `nbjudge correct {name}` records it.",
                file=sys.stderr,
            )
    return 0


def audit(options: argparse.Namespace) -> int:
    """Check known mistakes and alternates; 1 if a check fails."""
    course = find_course(options.course)
    names = named(course, options)
    audited = [name for name in names if audits.is_audited(course, name)]
    for name in names:
        if name not in audited:
            print(f"{name}: people give all its points, nothing to audit.", file=sys.stderr)
    if not audited:
        return 0
    findings: list[audits.Finding] = []
    workers = running.started(options.jobs, options.sandbox, options.warm == "on", is_ours=True)
    with workers as executor, progress.bars() as bar:
        for name in audited:
            show = progress.auditing(bar, name)
            findings += audits.audit(course, name, executor, show, kept=options.kept)
        outcomes = [
            outcome
            for name in (audited if options.mutants else ())
            for outcome in mutation.audit_mutants(
                course, name, executor, progress.mutating(bar, name), options.sample
            )
        ]
    if options.json:
        told = [*map(dataclasses.asdict, findings), *map(dataclasses.asdict, outcomes)]
        print(json.dumps(told, indent=1))
    else:
        for finding in findings:
            if finding.detail:
                print(f"{finding.assignment}: {finding.kind} {finding.name} {finding.detail}")
        _print_mutants(outcomes)
        mutants = f"; {mutation.summary(outcomes)}" if options.mutants else ""
        print(f"{audits.summary(findings)}{mutants}")
    return 0 if audits.is_passed(findings) and not any(o.is_survivor for o in outcomes) else 1


def _print_mutants(outcomes: Iterable[mutation.Outcome]) -> None:
    """Print the mutants that keep their points, and the share that visible checks catch."""
    of_each: dict[str, list[mutation.Outcome]] = {}
    for outcome in outcomes:
        of_each.setdefault(outcome.assignment, []).append(outcome)
        if outcome.is_survivor:
            print(f"{outcome.assignment}: survivor in {mutation.described(outcome)}")
    for name, found in of_each.items():
        share = mutation.checked_share(found)
        print(f"{name}: visible checks catch {share:.0%} of the mutants that lose points")


def handout(options: argparse.Namespace) -> int:
    """Record that students get the releases as they are."""
    course = find_course(options.course)
    for name in named(course, options):
        is_new = handed_out.hand_out(course, name)
        shown = course.handed_out(name).relative_to(course.root)
        print(f"{name}: {'recorded in' if is_new else 'already in'} {shown}; keep it in git.")
    return 0
