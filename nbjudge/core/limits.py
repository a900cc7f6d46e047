"""Limits of a submission, with their defaults and their settings in course.toml.

A run gets its limits as one object, from which the meter, the client, and the kernel's processes
take what they enforce; nothing else in the grader says how much a submission may use.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from nbjudge.core.errors import CourseError


@dataclass(frozen=True)
class Limits:
    """What one submission may contain, use, and show.

    Each field is a setting of `[assignment.limits]`; its type has the range of values there.
    Seconds are processor seconds, and seconds of the clock while all processes wait.
    """

    cell_seconds: Annotated[float, 1, 86_400] = 60.0
    notebook_seconds: Annotated[float, 1, 604_800] = 0.0  # of all cells; 0: ten times cell_seconds
    memory_gb: Annotated[float, 0.5, 1024] = 4.0  # of 2**30 bytes, for all processes together
    processes: Annotated[int, 20, 100_000] = 200
    open_files: Annotated[int, 64, 1_000_000] = 1024  # of each process
    file_mb: Annotated[int, 1, 1_000_000] = 256  # of 2**20 bytes: a file, and each private folder
    output_mb: Annotated[int, 1, 1000] = 50  # that a cell may send, including evidence
    output_characters: Annotated[int, 1000, 100_000_000] = 1_000_000  # kept of each cell
    observations: Annotated[int, 10, 100_000] = 2000  # kept of each cell
    submission_mb: Annotated[int, 1, 1000] = 20  # of a file, or the notebook and its outputs
    cells: Annotated[int, 10, 100_000] = 2000  # of a submitted notebook
    code_characters: Annotated[int, 1000, 100_000_000] = 2_000_000  # in all of its code cells
    cell_characters: Annotated[int, 1000, 100_000_000] = 200_000  # in each of them

    def __post_init__(self) -> None:
        if not self.notebook_seconds:
            object.__setattr__(self, "notebook_seconds", 10 * self.cell_seconds)

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_gb * 2**30)

    @property
    def output_bytes(self) -> int:
        return self.output_mb * 10**6

    @property
    def submission_bytes(self) -> int:
        return self.submission_mb * 10**6

    def of_processes(self) -> dict[str, int]:
        """The limits that each kernel process enforces itself: `namespaces.ProcessLimits`."""
        return {
            "memory_bytes": self.memory_bytes,
            "file_bytes": self.file_mb * 2**20,
            "processes": self.processes,
            "open_files": self.open_files,
        }


SETTINGS: dict[str, Any] = get_type_hints(Limits, include_extras=True)
"""The settings by name: the type of each, with its range."""


def read_limits(path: Path, assignment: str, settings: object) -> Limits:
    """The limits that `settings`, from the course.toml at `path`, sets for `assignment`.

    Raises CourseError if a setting is unknown or out of its range.
    """
    where = f"{path}: [assignment.limits] of {assignment}"
    if not isinstance(settings, dict):
        raise CourseError(f"{where} must be a table of settings, not {settings!r}.")
    if unknown := [name for name in settings if name not in SETTINGS]:
        near = difflib.get_close_matches(unknown[0], SETTINGS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SETTINGS)}."
        raise CourseError(f"{where} has the unknown setting {unknown[0]!r}; {hint}")
    return Limits(**{name: _number(where, name, value) for name, value in settings.items()})


def _number(where: str, name: str, value: object) -> Any:
    """`value` as the type of number that the setting `name` takes.  Raises CourseError."""
    kind, (least, most) = SETTINGS[name].__origin__, SETTINGS[name].__metadata__
    fits = isinstance(value, int | kind) and not isinstance(value, bool) and least <= value <= most
    if fits:
        return kind(value)
    number = "a whole number" if kind is int else "a number"
    raise CourseError(
        f"{where}: {name} must be {number} from {least:,} to {most:,}, not {value!r}."
    )
