"""Scorers of files that students of this course hand in; named in course.toml."""
