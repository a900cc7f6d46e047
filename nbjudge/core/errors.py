"""The one error that reaches people."""


class CourseError(Exception):
    """Something a person can put right; its message is the one sentence they need."""
