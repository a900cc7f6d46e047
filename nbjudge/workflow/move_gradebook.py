"""`nbjudge move-gradebook`: the gradebook in another database, with all rows as they are."""

from nbjudge.core import archives
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import GradebookPlace, parsed
from nbjudge.gradebook import moving
from nbjudge.gradebook.connection import create, gradebook_errors
from nbjudge.gradebook.rows import has_gradebook


def move(course: Course, url: str) -> tuple[dict[str, int], GradebookPlace]:
    """Copy the gradebook to the database with the URL `url`; the rows by table, and the place.

    The old one stays as it is, and the course's until nbgrader_config.py says otherwise.

    Raises CourseError if there is none, or already one at `url`, or it cannot be copied whole.
    """
    archives.refuse_archive(course)
    target = parsed(url, course.root)
    if not has_gradebook(course):
        raise CourseError(f"There is no gradebook in {course.gradebook_place.shown} to be moved.")
    with gradebook_errors(course):
        create(course)  # completes one that nbgrader left half made
    try:
        with gradebook_errors(course):
            return moving.copy(course.gradebook_place, target), target
    except CourseError as error:
        raise CourseError(target.without_password(str(error))) from error
