"""nbgrader's settings and programs for a course."""

import os
import shutil
import sys
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError


def find_alembic() -> None:
    """Put this Python's programs on the PATH, because nbgrader calls alembic by name."""
    programs = str(Path(sys.executable).parent)
    if shutil.which("alembic") is None:
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"


def load_config(course: Course) -> Config:
    """The course's nbgrader_config.py.  Raises CourseError if there is none."""
    try:
        config = PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    except FileNotFoundError as error:
        raise CourseError(f"There is no nbgrader_config.py in {course.root}.") from error
    config.CourseDirectory.root = str(course.root)
    return config
