"""Code that a course's own library may carry along; none of it knows an answer or grades."""
