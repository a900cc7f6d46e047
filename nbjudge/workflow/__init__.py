"""Instructors' work with a class: grading, watching, feedback, and export of grades."""
