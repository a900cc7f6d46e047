"""The grader inside other programs: nbgrader and Gradescope."""
