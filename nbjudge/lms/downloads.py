"""Files of an LMS's download, a zip or a folder, and what is known about each."""

import contextlib
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from nbjudge.core.errors import CourseError
from nbjudge.core.times import Stamp

MAX_FILES = 20_000
MAX_FILE_BYTES = 20_000_000


@dataclass(frozen=True)
class File:
    """One file of a download."""

    path: str  # in the download, with slashes
    time: datetime | None  # as given in the download, perhaps without an offset
    size: int
    read: Callable[[], bytes]


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
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise CourseError(f"{source} is not a zip that can be read: {error}.") from error
    if len(members) > MAX_FILES:
        raise CourseError(f"{source} holds more than {MAX_FILES} files.")
    if broken:
        raise CourseError(f"{source} is damaged at {broken}; download it again.")
    files = [_member(source, member) for member in members if not _is_link(member)]
    return sorted((file for file in files if not _is_clutter(file.path)), key=lambda f: f.path)


def _folder(source: Path) -> list[File]:
    files = []
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            time = datetime.fromtimestamp(status.st_mtime, UTC)
            shown = path.relative_to(source).as_posix()
            files.append(File(shown, time, status.st_size, path.read_bytes))
    if len(files) > MAX_FILES:
        raise CourseError(f"{source} holds more than {MAX_FILES} files.")
    return [file for file in files if not _is_clutter(file.path)]


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


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

    def read() -> bytes:
        with zipfile.ZipFile(source) as archive, archive.open(member) as file:
            return file.read(MAX_FILE_BYTES + 1)

    return File(name.replace("\\", "/"), time, member.file_size, read)


def by_pattern(files: list[File], pattern: re.Pattern[str]) -> Parsed:
    """Files read by the groups `student`, `email`, `lms_id`, `person`, and `name` of `pattern`.

    It must match a file's whole path.
    """
    found, unplaced = [], []
    for file in files:
        path = composed(file.path)
        match = pattern.fullmatch(path)
        if match is None:
            unplaced.append((file, "--pattern does not match its path"))
            continue
        said = {name: text or "" for name, text in match.groupdict().items()}
        who = [said.get(name, "") for name in ("student", "email", "lms_id", "person")]
        name = said.get("name") or PurePosixPath(path).name
        student, email, lms_id, person = who
        found.append(
            Found(
                file,
                name,
                "\n".join(who),
                student=student,
                email=email,
                lms_id=lms_id,
                person=person,
            )
        )
    return Parsed(found, unplaced)


def composed(text: str) -> str:
    """`text` with each letter as one character; a Mac may use two."""
    return unicodedata.normalize("NFC", text)
