"""Limits of a submission, with their defaults and their settings in course.toml.

A run gets its limits as one object, from which the meter, the client, and the kernel's processes
take what they enforce; nothing else in the grader says how much a submission may use.
"""

from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints


@dataclass(frozen=True)
class Limits:
    """What one submission may contain, use, and show.

    Each field is a setting of `[assignment.limits]`; its type has the range of values there.
    Seconds are processor seconds, and seconds of the clock while all processes wait;
    `wall_seconds` are those of the clock from the first cell on, whatever is done in them.
    """

    cell_seconds: Annotated[float, 1, 86_400] = 60.0
    notebook_seconds: Annotated[float, 1, 604_800] = 0.0  # of all cells; 0: ten times cell_seconds
    wall_seconds: Annotated[float, 1, 6_048_000] = 0.0  # by the clock; 0: as in __post_init__
    memory_gb: Annotated[float, 0.5, 1024] = 4.0  # of 2**30 bytes, for all processes together
    processes: Annotated[int, 20, 100_000] = 200
    open_files: Annotated[int, 64, 1_000_000] = 1024  # of each process
    file_mb: Annotated[int, 1, 1_000_000] = 256  # of 2**20 bytes: a file, and each private folder
    output_mb: Annotated[int, 1, 1000] = 50  # that a cell may send, including evidence
    output_characters: Annotated[int, 1000, 100_000_000] = 1_000_000  # kept of each cell
    notebook_characters: Annotated[int, 1000, 1_000_000_000] = 5_000_000  # kept of all cells
    observations: Annotated[int, 10, 100_000] = 2000  # kept of each cell
    evidence_mb: Annotated[int, 1, 1000] = 24  # kept of all observations of a notebook
    submission_mb: Annotated[int, 1, 1000] = 20  # of a file, or the notebook and its outputs
    cells: Annotated[int, 10, 100_000] = 2000  # of a submitted notebook
    code_characters: Annotated[int, 1000, 100_000_000] = 2_000_000  # in all of its code cells
    cell_characters: Annotated[int, 1000, 100_000_000] = 200_000  # in each of them

    def __post_init__(self) -> None:
        if not self.notebook_seconds:
            object.__setattr__(self, "notebook_seconds", 10 * self.cell_seconds)
        if not self.wall_seconds:
            object.__setattr__(self, "wall_seconds", 4 * self.notebook_seconds + 60)

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_gb * 2**30)

    @property
    def output_bytes(self) -> int:
        return self.output_mb * 10**6

    @property
    def evidence_bytes(self) -> int:
        return self.evidence_mb * 10**6

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
