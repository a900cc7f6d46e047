"""nbgrader's settings for a course."""

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError


def load_config(course: Course) -> Config:
    """The course's nbgrader_config.py.  Raises CourseError if there is none."""
    try:
        config = PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    except FileNotFoundError as error:
        raise CourseError(f"There is no nbgrader_config.py in {course.root}.") from error
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.db_url = course.gradebook_url
    return config
