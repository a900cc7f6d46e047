"""The course as nbgrader knows it."""

from nbjudge.plugins import nbgrader

c = get_config()  # noqa: F821  (nbgrader provides it)
c.CourseDirectory.course_id = "field_notes"
nbgrader.wire(c)
