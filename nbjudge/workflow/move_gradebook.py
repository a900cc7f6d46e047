"""`nbjudge move-gradebook`: the gradebook in another database, with all rows as they are."""

from sqlalchemy.exc import SQLAlchemyError

from nbjudge.core import archives
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import GradebookPlace, parsed
from nbjudge.gradebook import moving
from nbjudge.gradebook.connection import create, gradebook_errors
from nbjudge.gradebook.problems import DRIVER
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
    source = course.gradebook_place
    try:
        return moving.copy(source, target), target
    except ImportError as error:
        raise CourseError(DRIVER) from error
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", error)).split()).rstrip(".")
        raise CourseError(
            f"The gradebook cannot be copied from {source.shown} to {target.shown}: "
            f"{source.without_password(target.without_password(reason))}. Nothing was changed."
        ) from error
