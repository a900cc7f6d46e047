"""Files written whole or not at all, and digests of contents."""

import hashlib
import os
import tempfile
from pathlib import Path

from nbjudge.core.errors import CourseError


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` whole or not at all.

    Raises CourseError where the disk is full or the place cannot be written.
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
