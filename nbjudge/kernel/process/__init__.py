"""Processes inside the sandbox.  They know no answers: a submission can read all of this code."""
