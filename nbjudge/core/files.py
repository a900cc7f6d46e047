"""Files: atomic writing, safe reading of other people's files, digests of contents."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from nbjudge.core.errors import CourseError

ORIGIN = "collected.json"
"""File next to a collected submission: where it came from, and when."""

ARCHIVE_MARK = "archive.json"
"""File in a course's folder that says that it is the archive of a finished term."""

NOT_KEPT = "not_kept.json"
"""File next to a collected submission: why other files of it were not kept, by their names."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


class NotAFile(Exception):
    """A path that leads to something other than a regular file."""


class TooLarge(Exception):
    """A file above the size limit."""


def read_regular_file(path: Path, most_bytes: int) -> bytes:
    """The contents of the file at `path`, which somebody else has put there.

    Raises NotAFile for anything but a regular file, TooLarge for one of more than `most_bytes`, and
    OSError if it cannot be opened or is a link.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotAFile(path)
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > most_bytes:
            raise TooLarge(path)
        return file.read(most_bytes)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, completely or not at all.

    Raises CourseError if the disk is full or the path is not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CourseError(
            f"{path} could not be written ({error.strerror}); what was there before is unchanged."
        ) from error


def digest(*parts: bytes | str) -> str:
    """A SHA-256 over `parts`, each with its length, as hexadecimal text."""
    result = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        result.update(str(len(data)).encode() + b":" + data)
    return result.hexdigest()
