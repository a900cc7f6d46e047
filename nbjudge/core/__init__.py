"""Foundations of all other rooms: the course folder, notebooks, files, errors."""
