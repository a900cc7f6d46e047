"""Grader for notebook courses that judges what code computes.

A student's process only shows what its code computes. Expected values, tolerances, and known
mistakes are in the answer key, which only the judge reads, in another process. The only part of
this package that a student's process can import is `nbjudge.kernel`, with `observe`.
"""

import sys
from typing import Any

__version__ = "2026.11.0"

# jsonschema uses this package, if it is installed, for a check that no notebook needs, and
# compiling its grammar takes longer than all other imports together
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def __getattr__(name: str) -> Any:
    """`observe`, imported when it is first used, so that the command line need not import NumPy."""
    if name == "observe":
        from nbjudge.kernel.observe import observe

        return observe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
