"""Error type whose message people see."""


class CourseError(Exception):
    """Something a person can fix; its message is the one sentence they need."""
