"""Isolation: what keeps a notebook from the grader's machine, and how its kernel starts.

It decides how a notebook is run, never what it is graded on: kept runs and grades do not depend
on it.
"""

from dataclasses import dataclass

from nbjudge.core.errors import CourseError
from nbjudge.sandbox import bubblewrap

PROVISIONERS = {
    "bwrap": "nbjudge-sandbox",
    "user": "nbjudge-other-user",
    "none": "nbjudge-unsandboxed",
}
"""The kernel provisioners, by what keeps a notebook from the machine."""

AUTO = "bwrap"
"""What `auto` means; tests on a machine without a sandbox have it mean `none`."""


@dataclass(frozen=True)
class Isolation:
    """How notebooks are run.

    sandbox: "auto" or "bwrap", in the sandbox or not at all; "user", as another user of the
             machine, in a container that allows no sandbox; "none", with the grader's own rights
    warm:    whether a kernel is forked from a process that has imported what it needs, and that
             stays for the next one
    """

    sandbox: str = "auto"
    warm: bool = True

    @property
    def provisioner(self) -> str:
        """The name of the kernel provisioner that runs notebooks like this."""
        return PROVISIONERS[AUTO if self.sandbox == "auto" else self.sandbox]

    def check(self) -> None:
        """Raise CourseError if this needs the sandbox and the machine has none."""
        if self.provisioner == PROVISIONERS["bwrap"] and (reason := bubblewrap.why_not()):
            raise CourseError(
                f"Submissions are only run in a sandbox, and {reason}; `--sandbox none` runs them "
                "without one, with your own rights: do that only if you trust all who wrote them."
            )
