"""`nbjudge feedback --solutions`: a page with the instructors' solutions, after the deadline."""

from datetime import UTC, datetime
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import read_notebook
from nbjudge.judge.intake_asserts import runs_as_it_is
from nbjudge.pages import solutions_page


def write_solutions(course: Course, assignment: str, now: datetime | None = None) -> Path:
    """Write solutions/<assignment>.html; returns its path.

    now: the time, if it is not the present

    Raises CourseError if the assignment has no due date, or somebody may still work on it.
    """
    about = course.assignment(assignment)
    closes = course.policies.closes(assignment)
    if closes is None:
        raise CourseError(
            f"{assignment} has no `due` in course.toml, so its solutions are not written."
        )
    if (now or datetime.now(UTC)) <= closes:
        raise CourseError(
            f"Somebody may hand in {assignment} until {closes:%Y-%m-%d %H:%M %z}, by the last "
            "deadline and its late days: until then its solutions are not written."
        )
    path = course.root / "solutions" / f"{assignment}.html"
    source = read_notebook(course.source(assignment))
    if about.has_asserts:
        source.cells = [runs_as_it_is(cell) for cell in source.cells]
    write_text(path, solutions_page.page(source, about.title))
    return path
