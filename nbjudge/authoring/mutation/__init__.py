"""Mutation testing of a problem set: wrong answers that nobody thought of."""
