"""Grading by evidence: what a student's process may import is `observe`, and nothing else.

The student's process only ever shows what its code computes.  Expected values, tolerances and
known mistakes live in the answer key and are read by the judge alone, in another process.
"""

from lmlib.grading.observe import observe

__all__ = ["observe"]
