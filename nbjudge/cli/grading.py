"""Commands that collect and grade: collect, grade, watch, blanks.

The code that runs notebooks is imported only once there is a notebook to run.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import logging
import signal
import sys
from datetime import datetime

from nbjudge.cli.assignments import check_student, known, named, warn_of_exceptions
from nbjudge.core.course import find_course
from nbjudge.gradebook.points import entered_points
from nbjudge.judge.verdicts import Record
from nbjudge.workflow import plan
from nbjudge.workflow.plan import Plan


def collect(options: argparse.Namespace) -> int:
    """Sort an LMS's download into submitted/; 1 if part of it could not be placed."""
    from nbjudge.cli.tables import print_table
    from nbjudge.lms import collect as collecting

    course = find_course(options.course)
    warn_of_exceptions(course)
    outcomes = collecting.collect(
        course,
        known(course, options.assignment),
        options.source,
        options.lms,
        options.pattern,
        options.worksheet,
    )
    print_table(("who", "what", ""), [(one.who, one.what, one.detail) for one in outcomes])
    problems = [one for one in outcomes if one.is_problem]
    for one in problems:
        print(f"nbjudge: {one.who}: {one.detail}.", file=sys.stderr)
    return 1 if problems else 0


def grade(options: argparse.Namespace) -> int:
    """Grade every submission, or give the reason why it cannot be graded."""
    course = find_course(options.course)
    names = named(course, options)
    check_student(course, names, options.student)
    plans = [plan.make(course, name, options.student, options.force) for name in names]
    if any(work.todo for work in plans):
        records = _carry_out(plans, options)
    else:
        records = [record for work in plans for record in work.done]
    if options.json:
        print(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
    else:
        from nbjudge.cli.tables import print_records

        print_records(records, entered={name: entered_points(course, name) for name in names})
    return 0


def _carry_out(plans: list[Plan], options: argparse.Namespace) -> list[Record]:
    from nbjudge.cli import progress
    from nbjudge.workflow import grade as grades
    from nbjudge.workflow import running

    records: list[Record] = []
    workers = running.started(options.jobs, options.sandbox, options.warm == "on")
    with workers as executor, progress.bars() as bar:
        for work in plans:
            show = progress.grading(bar, work.assignment, len(work.done) + len(work.todo))
            records += grades.carry_out(work, executor, show)
    return records


def blanks(options: argparse.Namespace) -> int:
    """List written answers that are blank and wait for points, or give all of them 0."""
    from nbjudge.cli.tables import print_table
    from nbjudge.workflow import blanks as written

    course = find_course(options.course)
    for name in named(course, options):
        found = written.blanks(course, name)
        if options.give_zero and found:
            written.give_zero(course, name, found)
        print_table(("student", "task"), [(one.student, one.task) for one in found])
        told = "now have 0 points" if options.give_zero else "wait; --give-zero gives them 0"
        print(f"{name}: {len(found)} blank answers {told}.")
    return 0


def watch(options: argparse.Namespace) -> int:
    """Grade submissions as they arrive and write their feedback, until Ctrl-C."""
    from nbjudge.kernel.evidence import sendable
    from nbjudge.shared.text import plain
    from nbjudge.workflow import running
    from nbjudge.workflow import watch as watches

    course = find_course(options.course)
    watched = [watches.Watch(course, name) for name in named(course, options)]

    def told(words: str) -> None:
        print(f"{datetime.now():%H:%M:%S} {sendable(plain(words))}", flush=True)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    # a pool interrupted while it closes a connection would print a traceback
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    print(f"Watching {course.root / 'submitted'}; Ctrl-C stops.", file=sys.stderr, flush=True)
    workers = functools.partial(
        running.started, options.jobs, options.sandbox, options.warm == "on"
    )
    with contextlib.suppress(KeyboardInterrupt):
        watches.run(watched, workers, told)
    print("nbjudge: stopped; run the same command again to continue.", file=sys.stderr)
    return 0
