"""Files of an LMS's download, a zip or a folder, and what is known about each."""

import contextlib
import errno
import functools
import os
import re
import stat
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath

from nbjudge.core.errors import CourseError
from nbjudge.core.files import read_regular_file
from nbjudge.core.times import Stamp, stamp

MAX_FILES = 20_000


@dataclass(frozen=True)
class File:
    """One file of a download."""

    path: str  # in the download, with slashes
    time: datetime | None  # as given in the download, perhaps without an offset
    size: int
    read: Callable[[int], bytes]  # at most that many bytes of it; raises anything if damaged


@dataclass(frozen=True)
class Found:
    """One file, and what its name or the LMS's list says about it."""

    file: File
    name: str  # given to the file by the student
    group: str  # files with the same one are one submission
    lms_id: str = ""
    participant: str = ""  # a number or name that only the LMS's worksheet explains
    email: str = ""
    person: str = ""  # the student's name, as the LMS spells it
    student: str = ""  # the name in the gradebook
    anonymous: str = ""  # a name for the gradebook, if the LMS tells nobody whose this is
    handed_in: Stamp | None = None
    is_late: bool = False  # by the LMS's own mark
    attempt: str = ""  # sorts the submissions of a student, if a download has all of them


@dataclass(frozen=True)
class Parsed:
    """Files of a download, interpreted by an LMS's naming scheme."""

    found: list[Found]
    unplaced: list[tuple[File, str]]  # files that belong to nobody, and why


def read_download(source: Path) -> list[File]:
    """The files in a folder or a zip, sorted by path.

    Raises CourseError if `source` is neither, or is a damaged or encrypted zip.
    """
    if source.is_dir():
        return _folder(source)
    if not source.exists():
        raise CourseError(f"There is no {source}.")
    try:
        with zipfile.ZipFile(source) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            broken = archive.testzip() if len(members) <= MAX_FILES else None
    except Exception as error:  # zipfile raises many kinds, and documents one
        raise CourseError(f"{source} is not a zip that can be read: {error}.") from error
    if len(members) > MAX_FILES:
        raise CourseError(f"{source} holds more than {MAX_FILES} files.")
    if broken:
        raise CourseError(f"{source} is damaged at {broken}; download it again.")
    files = [_member(source, member) for member in members]
    return sorted((file for file in files if not _is_clutter(file.path)), key=lambda f: f.path)


def _folder(source: Path) -> list[File]:
    files: list[File] = []
    closed: list[OSError] = []
    for folder, _, names in os.walk(source, onerror=closed.append):
        files += [_file(Path(folder, name)) for name in names]
    files += [_closed(error) for error in closed]
    if len(files) > MAX_FILES:
        raise CourseError(f"{source} holds more than {MAX_FILES} files.")
    there = [replace(file, path=Path(file.path).relative_to(source).as_posix()) for file in files]
    return sorted((file for file in there if not _is_clutter(file.path)), key=lambda f: f.path)


def _file(path: Path) -> File:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return File(str(path), None, 0, _refuse_link)
    time = datetime.fromtimestamp(status.st_mtime, UTC)
    return File(str(path), time, status.st_size, functools.partial(read_regular_file, path))


def _closed(error: OSError) -> File:
    """A file that stands for those in a folder that cannot be read."""

    def read(most_bytes: int) -> bytes:
        raise error

    return File(f"{error.filename}/all", None, 0, read)


def _refuse_link(most_bytes: int) -> bytes:
    """Read a link, which may lead anywhere: do not."""
    raise OSError(errno.ELOOP, "it is a link, not a file")


def _is_clutter(path: str) -> bool:
    """Whether an operating system added this entry to the zip."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def _member(source: Path, member: zipfile.ZipInfo) -> File:
    name = member.filename
    if not member.flag_bits & 0x800:  # not marked as UTF-8, though it may be
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    try:
        time: datetime | None = datetime(*member.date_time)
    except ValueError:
        time = None

    if stat.S_ISLNK(member.external_attr >> 16):
        return File(name.replace("\\", "/"), time, 0, _refuse_link)

    def read(most_bytes: int) -> bytes:
        with zipfile.ZipFile(source) as archive, archive.open(member) as file:
            return file.read(most_bytes)

    return File(name.replace("\\", "/"), time, member.file_size, read)


PATTERN_WHO = ("student", "email", "lms_id", "person")
"""Groups of a pattern that name a student."""

PATTERN_GROUPS = (*PATTERN_WHO, "name", "attempt", "time")
"""All groups that a pattern may have."""


def by_pattern(files: list[File], pattern: re.Pattern[str], zone: tzinfo) -> Parsed:
    """Files read by the groups of `pattern`, which must match a file's whole path.

    Attempts of a student are told apart by the groups `attempt` and `time`. Without these, two
    files of one name belong to nobody: either may be the newer one.

    zone: the zone of times without an offset
    """
    found: list[Found] = []
    unplaced = []
    for file in files:
        match = pattern.fullmatch(composed(file.path))
        if match is None:
            unplaced.append((file, "--pattern does not match its path"))
        else:
            found.append(_by_groups(file, match.groupdict(default=""), zone))
    named: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in found:
        named[one.group, one.name].append(one)
    for same in (same for same in named.values() if len(same) > 1):
        names = " and ".join(one.file.path for one in same)
        why = f"{names}: which one counts? --pattern needs a group `attempt` or `time`"
        unplaced += [(one.file, why) for one in same]
    placed = [one for one in found if len(named[one.group, one.name]) == 1]
    return Parsed(placed, unplaced)


def _by_groups(file: File, said: dict[str, str], zone: tzinfo) -> Found:
    when = stamp(said["time"], zone) if said.get("time") else None
    known = when.time.isoformat() if when is not None and when.time else ""
    student, email, lms_id, person = (said.get(name, "") for name in PATTERN_WHO)
    attempt = said.get("attempt") or known
    return Found(
        file,
        said.get("name") or PurePosixPath(composed(file.path)).name,
        "\n".join((student, email, lms_id, person, attempt, said.get("time", ""))),
        student=student,
        email=email,
        lms_id=lms_id,
        person=person,
        handed_in=when,
        attempt=attempt,
    )


def mostly(files: list[File], is_named: Callable[[str], object]) -> bool:
    """Whether more than half of `files` have such a path: one student's file decides nothing."""
    return 2 * sum(bool(is_named(composed(file.path))) for file in files) > len(files)


def composed(text: str) -> str:
    """`text` with each letter as one character; a Mac may use two."""
    return unicodedata.normalize("NFC", text)
