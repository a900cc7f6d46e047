"""Isolation of a notebook from the grader's machine, and the way its kernel starts.

It affects how a notebook runs, but not its result: kept runs and grades do not depend on it.
"""

from dataclasses import dataclass

from nbjudge.core.errors import CourseError
from nbjudge.sandbox import bubblewrap

PROVISIONERS = {
    "bwrap": "nbjudge-sandbox",
    "user": "nbjudge-other-user",
    "none": "nbjudge-unsandboxed",
}
"""The kernel provisioners, by kind of isolation."""

AUTO = "bwrap"
"""Meaning of `auto`; tests on a machine without a sandbox set it to `none`."""


@dataclass(frozen=True)
class Isolation:
    """Settings for running notebooks.

    sandbox: "auto" or "bwrap", in the sandbox or not at all; "user", as another user of the
             machine, in a container that allows no sandbox; "none", with the grader's permissions
    warm:    whether a kernel is forked from a process that has imported what it needs, and that
             is kept for the next one
    """

    sandbox: str = "auto"
    warm: bool = True

    @property
    def provisioner(self) -> str:
        """The name of the kernel provisioner for these settings."""
        return PROVISIONERS[AUTO if self.sandbox == "auto" else self.sandbox]

    def check(self) -> None:
        """Raise CourseError if the sandbox is required and the machine has none."""
        if self.provisioner == PROVISIONERS["bwrap"] and (reason := bubblewrap.why_not()):
            raise CourseError(
                f"Submissions are only run in a sandbox, and {reason}; `--sandbox none` runs them "
                "without one, with your own rights: do that only if you trust all who wrote them."
            )
