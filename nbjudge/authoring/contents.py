"""The README's table of problem sets, generated from course.toml and the source notebooks.

python -m nbjudge.authoring.contents           write it between the README's two markers
python -m nbjudge.authoring.contents --check   only say whether it is up to date
"""

import argparse
import re
import sys
from pathlib import Path

from nbjudge.authoring.mistakes import read_mistakes
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import extra_credit, is_task, is_test, points, read_notebook

BEGIN, END = "<!-- begin: problem sets -->", "<!-- end: problem sets -->"


def table(course: Course) -> str:
    """A Markdown table with a line for each assignment of `course`."""
    lines = [
        "| problem set | | by the machine | by people | known mistakes | alternates |",
        "|---|---|--:|--:|--:|--:|",
    ]
    return "\n".join(lines + [_row(course, name) for name in course.assignments])


def _row(course: Course, name: str) -> str:
    source = read_notebook(course.source(name))
    automatic = sum(points(cell) for cell in source.cells if is_test(cell))
    manual = sum(points(cell) for cell in source.cells if is_task(cell))
    mistakes = len(read_mistakes(course.mistakes(name), source).mistakes)
    alternates = len(list(course.alternates(name).glob("*/*.py")))
    title = course.assignment(name).title
    extra = sum(extra_credit(cell) for cell in source.cells if is_test(cell))
    beyond = f" + {extra:g} extra" if extra else ""
    numbers = f"{automatic:g} points{beyond} | {manual:g} points | {mistakes} | {alternates}"
    return f"| [`{name}`](source/{name}/{name}.ipynb) | {title} | {numbers} |"


def with_table(readme: str, made: str) -> str:
    """`readme` with the table between its markers.  Raises CourseError if they are missing."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(readme):
        raise CourseError(f"The README lacks the markers {BEGIN} and {END}.")
    return pattern.sub(lambda _: f"{BEGIN}\n{made}\n{END}", readme)


def main(arguments: list[str] | None = None) -> int:
    """The command line above; 1 if --check finds another table."""
    parser = argparse.ArgumentParser(prog="python -m nbjudge.authoring.contents")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    path = Path("README.md")
    try:
        before = path.read_text(encoding="utf-8")
        after = with_table(before, table(find_course()))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    if before != after and options.check:
        print(
            "The README's table of problem sets is out of date; run `make format`.", file=sys.stderr
        )
        return 1
    if before != after:
        write_text(path, after)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
