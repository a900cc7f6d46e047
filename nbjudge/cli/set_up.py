"""Commands that set a course up: roster, build, audit, handout."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable

from nbjudge.authoring import audit as audits
from nbjudge.authoring import build as builds
from nbjudge.authoring import handed_out
from nbjudge.authoring.mutation import audit as mutation
from nbjudge.cli import progress
from nbjudge.cli.assignments import named, warn_of_exceptions
from nbjudge.cli.tables import print_table
from nbjudge.core.course import find_course
from nbjudge.core.tables import read_table
from nbjudge.gradebook import students
from nbjudge.lms import roster as rosters
from nbjudge.workflow import running


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
