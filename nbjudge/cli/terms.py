"""Commands between two terms: archive, new-term; and move-gradebook."""

import argparse

from nbjudge.core.course import find_course
from nbjudge.core.gradebook_place import SETTING
from nbjudge.workflow import archive as archives
from nbjudge.workflow import move_gradebook as moves
from nbjudge.workflow import new_term as terms


def archive(options: argparse.Namespace) -> int:
    """Keep the term in one zip."""
    course = find_course(options.course)
    count = archives.write_archive(course, options.out.absolute())
    print(f"{count} files in {options.out}; it has names, grades and keys, so give it to nobody.")
    print("To read it: unpack it into a folder of its own, and name that with --course.")
    return 0


def new_term(options: argparse.Namespace) -> int:
    """Start the course again."""
    course = find_course(options.course)
    gone = terms.begin(course, options.term, options.archive)
    print(f"{len(gone)} files and folders are gone; they are in {options.archive}.")
    print("Look through course.toml: due dates and attempts are still those of the last term.")
    print("Then run `nbjudge build`, which draws and proves the new inputs of hidden tests.")
    return 0


def move_gradebook(options: argparse.Namespace) -> int:
    """Copy the gradebook to another database."""
    course = find_course(options.course)
    copied, target = moves.move(course, options.url)
    print(
        f"{sum(copied.values())} rows of {len(copied)} tables, {copied['student']} students and "
        f"{copied['grade']} grades among them, are in {target.shown}, and were compared one by one."
    )
    print(f"{course.gradebook_place.shown} is as it was. Commands use the copy once c.{SETTING}")
    print("in nbgrader_config.py is its URL; restart JupyterLab then.")
    return 0
