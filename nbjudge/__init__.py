"""A grader for notebook courses that judges what code computes.

A student's process only shows what its code computes. Expected values, tolerances, and known
mistakes live in the answer key and are read by the judge alone, in another process. All that a
student's process can import of this package is `observe` and the rest of `nbjudge.kernel`.
"""

import sys
from typing import Any

__version__ = "2026.11.0"

# jsonschema uses this package where it is installed, for a check that no notebook needs, and
# compiling its grammar takes longer than all other imports together
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def __getattr__(name: str) -> Any:
    """`observe`, imported when it is first asked for: the command line never needs NumPy for it."""
    if name == "observe":
        from nbjudge.kernel.observe import observe

        return observe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
