"""All of the grader that a student's process can see: observations, and nothing to compare them with."""
