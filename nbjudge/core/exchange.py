"""Files that nbgrader's exchange puts next to a submission, and needs next to its feedback."""

import contextlib
from pathlib import Path

from nbjudge.core.files import NotAFile, TooLarge, read_regular_file, write_bytes
from nbjudge.core.times import TIMESTAMP

SECRET = "submission_secret.txt"
"""The file whose contents only the student has: it says where in the exchange the feedback is."""

LARGEST = 1_000  # bytes


def carry(source: Path, target: Path) -> None:
    """Give `target` the exchange's files of `source`, and none that `source` does not have.

    So feedback is released to the submission that was graded, even if a newer one has arrived.
    """
    for name in (TIMESTAMP, SECRET):
        found = _read(source / name)
        if found is None:
            (target / name).unlink(missing_ok=True)
        else:
            write_bytes(target / name, found)


def has_secret(folder: Path) -> bool:
    """Whether the submission in `folder`, or the one its feedback is on, came by the exchange."""
    return _read(folder / TIMESTAMP) is not None and bool(_read(folder / SECRET))


def _read(path: Path) -> bytes | None:
    with contextlib.suppress(NotAFile, TooLarge, OSError):
        return read_regular_file(path, LARGEST)
    return None
