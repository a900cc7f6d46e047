"""Grading by evidence: what a student's process may import is `observe`, and nothing else.

The student's process only ever shows what its code computes.  Expected values, tolerances and
known mistakes live in the answer key and are read by the judge alone, in another process.
"""

import sys

from lmlib.grading.observe import observe

# jsonschema uses this package where it is installed, for a check that no notebook needs, and
# compiling its grammar takes longer than all other imports together
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

__all__ = ["observe"]
