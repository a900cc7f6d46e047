"""All of the grader that a student's process can see: it holds no answer."""
