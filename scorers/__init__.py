"""Scorers of files submitted by students of this course, named in course.toml."""
