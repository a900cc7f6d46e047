"""Archives of finished terms: a course folder with `archive.json` in it is one, and stays as is."""

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import ARCHIVE_MARK


def is_archive(course: Course) -> bool:
    """Whether `course` is the archive of a finished term."""
    return (course.root / ARCHIVE_MARK).is_file()


def refuse_archive(course: Course) -> None:
    """Raise CourseError if `course` is an archive, because nothing in one is ever changed."""
    if is_archive(course):
        raise CourseError(
            f"{course.root} is the archive of a finished term, which can be read and not changed."
        )
