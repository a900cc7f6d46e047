"""Code that a course's own library may include; it contains no answers and does no grading."""
