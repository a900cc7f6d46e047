"""Commands outside the weekly routine: correct, gradescope, demo."""

import argparse
import functools
import os
from pathlib import Path

from nbjudge.authoring import build, handed_out
from nbjudge.authoring import demo as demos
from nbjudge.cli import progress
from nbjudge.cli.assignments import known
from nbjudge.cli.tables import print_records, print_table
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.judge.verdicts import Record
from nbjudge.pages import report
from nbjudge.plugins.gradescope import autograder, pack
from nbjudge.workflow import feedback, grade, running


def correct(options: argparse.Namespace) -> int:
    """Correct a release that students have, or say why this is impossible."""
    course = find_course(options.course)
    name = known(course, options.assignment)
    if not handed_out.versions(course, name):
        raise CourseError(f"{name} is not handed out yet; `nbjudge build {name}` is all you need.")
    _, _, release_made = build.check_source(course, name)
    changes = handed_out.compare(course, name, release_made)
    rows = [
        (one.cell, one.what, one.consequence, "refused" if one.is_refused else "")
        for one in changes
    ]
    if rows:
        print_table(("cell", "what changes", "consequence", ""), rows)
    else:
        print("Nothing changes in what students have; hidden tests and their key may.")
    handed_out.check(course, name, release_made)
    if options.check:
        return 0
    workers = running.started(options.jobs, options.sandbox, options.warm == "on", is_ours=True)
    with workers as executor, progress.bars() as bar:
        build.build_all(course, [name], executor, progress.building(bar))
    handed_out.hand_out(course, name)
    print(f"Publish release/ again, grade again, and keep handed_out/{name}.json in git.")
    return 0


def gradescope(options: argparse.Namespace) -> int:
    """Pack a release and its answer key as an autograder for Gradescope."""
    course = find_course(options.course)
    name = known(course, options.assignment)
    path = options.out or course.root / "gradescope" / f"{name}.zip"
    key = pack.write_autograder(course, name, path, options.show)
    print(f"{os.path.relpath(path)} holds the answer key: give it to nobody but Gradescope.")
    print(f"There, set the autograder's points to {autograder.machine_points(key):g}.")
    by_hand = autograder.questions_by_people(key)
    if by_hand:
        print("Add these as questions that people grade:")
        print_table(("question", "points"), [(one, f"{points:g}") for one, points in by_hand])
    return 0


def demo(options: argparse.Namespace) -> int:
    """Run an invented class from release to feedback."""
    real = find_course(options.course)
    names = options.assignments or list(real.assignments)[:1]
    for name in names:
        known(real, name)  # raises if the course does not have it
    course = demos.prepare(real, options.folder.absolute())
    graded: dict[str, list[Record]] = {}
    handed_in: dict[str, dict[str, str]] = {}
    workers = running.started(options.jobs, options.sandbox, options.warm == "on", is_ours=True)
    with workers as executor, progress.bars() as bar:
        building = progress.building(bar)
        for name in names:
            build.build(course, name, executor, functools.partial(building, name))
            invented = demos.invent_class(course, name, options.students)
            demos.hand_in(course, name, invented)
            handed_in[name] = {one.student: one.handed_in for one in invented}
            show = progress.grading(bar, name, len(invented))
            graded[name] = grade.grade(course, name, executor, progress=show)
            task = bar.add_task(f"feedback for {name}", total=1, what="")
            pages, _ = feedback.write_feedback(course, name)
            bar.update(task, completed=1, what=f"{len(pages)} pages")
    page, *_ = report.write_report(course, names, course.root / "report")
    for name, records in graded.items():
        print(course.assignment(name).title)
        print_records(records, handed_in[name])
    print(f"Open next, in a browser: {os.path.relpath(_page_to_open(course, graded))}")
    print(f"and then, as their instructor: {os.path.relpath(page)}")
    print(f"The whole course with its gradebook is in {os.path.relpath(course.root)}.")
    return 0


def _page_to_open(course: Course, graded: dict[str, list[Record]]) -> Path:
    """The feedback of a student with a recognized misconception, or else of the first student."""
    records = [record for found in graded.values() for record in found]
    named = [record for record in records if any(verdict.mistake for verdict in record.verdicts)]
    chosen = (named or records)[0]
    return course.feedback_page(chosen.student, chosen.assignment)
