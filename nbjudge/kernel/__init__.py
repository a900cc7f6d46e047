"""The part of the grader that a student's process can see; it contains no answers."""
