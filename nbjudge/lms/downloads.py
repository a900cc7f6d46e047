"""What learning management systems give for "download all submissions", and what its names say.

Canvas       `lovelaceada_LATE_4711_90210_ps1-1.ipynb`: sortable name, whether late, the ids of
             student and file, the file's name (content_zipper.rb of Canvas)
Moodle       `Ada Lovelace_4711_assignsubmission_file/ps1.ipynb`: full name and participant number
             of this one assignment, which the grading worksheet has too; or all in one name
Gradescope   `submission_4711/ps1.ipynb`, and `submission_metadata.yml` with e-mail and time
plain        `ada/ps1.ipynb` or `ada.ipynb`, named as in the gradebook
"""

import contextlib
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from nbjudge.core.errors import CourseError
from nbjudge.core.tables import Table

MAX_FILES = 20_000
MAX_FILE_BYTES = 20_000_000


@dataclass(frozen=True)
class File:
    """One file of a download."""

    path: str  # in the download, with slashes
    time: datetime | None  # as the download tells it, without an offset where it tells none
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Found:
    """One file, and what its name says."""

    file: File
    name: str  # that the student gave the file
    group: str  # files with the same one are one submission
    lms_id: str = ""
    participant: str = ""  # Moodle's number of the student in this one assignment
    email: str = ""
    person: str = ""  # the student's name, as the LMS spells it
    student: str = ""  # the name in the gradebook
    time: datetime | None = None
    is_late: bool = False


def read_download(source: Path) -> list[File]:
    """The files in a folder or a zip, sorted by path.

    Raises CourseError where `source` is neither, or a zip that is damaged or encrypted.
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
    """What operating systems put into zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def _member(source: Path, member: zipfile.ZipInfo) -> File:
    name = member.filename
    if not member.flag_bits & 0x800:  # not marked as UTF-8, which it may be nevertheless
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


CANVAS = re.compile(
    r"(?P<person>\w*?)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?P<file>\d+)_(?P<name>.+)"
)
CANVAS_TEXT = re.compile(r"_\d+_(?:text|link)\.html$")
MOODLE = re.compile(
    r"(?P<person>[^/]*?)_(?P<participant>\d+)_assignsubmission_file(?:/|_/?)(?P<name>.+)"
)
MOODLE_TEXT = re.compile(r"_\d+_assignsubmission_onlinetext")


def name_lms(files: list[File]) -> str:
    """Which LMS has made the download: canvas, moodle, gradescope or plain."""
    if any(PurePosixPath(file.path).name == "submission_metadata.yml" for file in files):
        return "gradescope"
    if any("_assignsubmission_" in file.path for file in files):
        return "moodle"
    names = [PurePosixPath(file.path).name for file in files]
    return "canvas" if any(CANVAS.fullmatch(name) for name in names) else "plain"


def why_strange(file: File, lms: str) -> str:
    """Why the name of `file`, of a download from `lms`, places it nowhere."""
    if lms == "canvas" and CANVAS_TEXT.search(file.path):
        return "this was typed into Canvas, or is a link: not a file"
    return f"the name is none that {lms} gives"


def parse(
    files: list[File], lms: str, zone: tzinfo, pattern: re.Pattern[str] | None = None
) -> tuple[list[Found], list[File]]:
    """What the names of `files` say, and the files whose names say nothing.

    `zone` is where times without an offset are at home. With a `pattern`, its groups `student`,
    `email`, `lms_id`, `person` and `name` are what counts.
    """
    if lms == "gradescope" and pattern is None:
        return _gradescope(files)
    found, strange = [], []
    for file in files:
        path = unicodedata.normalize("NFC", file.path)
        if pattern is not None:
            made = _by_pattern(file, path, pattern)
        else:
            made = {"canvas": _canvas, "moodle": _moodle, "plain": _plain}[lms](file, path, zone)
        if made is not None:
            found.append(made)
        elif not MOODLE_TEXT.search(path):
            strange.append(file)
    return found, strange


def _canvas(file: File, path: str, zone: tzinfo) -> Found | None:
    match = CANVAS.fullmatch(PurePosixPath(path).name)
    if match is None:
        return None
    return Found(  # the times in Canvas's zip are those of the download
        file,
        match["name"],
        group=match["user"],
        lms_id=match["user"],
        person=match["person"],
        is_late=match["late"] is not None,
    )


def _moodle(file: File, path: str, zone: tzinfo) -> Found | None:
    match = MOODLE.search(path)
    if match is None:
        return None
    return Found(
        file,
        match["name"],
        group=match["participant"],
        participant=match["participant"],
        person=match["person"],
        time=_aware(file.time, zone),
    )


def _plain(file: File, path: str, zone: tzinfo) -> Found | None:
    parts = PurePosixPath(path).parts
    if len(parts) < 2:
        stem = PurePosixPath(path).stem
        is_notebook = path.endswith(".ipynb")
        return Found(file, path, stem, student=stem, person=stem) if is_notebook else None
    return Found(file, "/".join(parts[1:]), parts[0], student=parts[0], person=parts[0])


def _by_pattern(file: File, path: str, pattern: re.Pattern[str]) -> Found | None:
    match = pattern.fullmatch(path)
    if match is None:
        return None
    said = {name: text or "" for name, text in match.groupdict().items()}
    student, email = said.get("student", ""), said.get("email", "")
    lms_id, person = said.get("lms_id", ""), said.get("person", "")
    return Found(
        file,
        said.get("name") or PurePosixPath(path).name,
        group="\n".join((student, email, lms_id, person)),
        lms_id=lms_id,
        email=email,
        person=person,
        student=student,
    )


class _Metadata(yaml.SafeLoader):
    """Reads Gradescope's metadata, whose values may be Ruby objects."""


def _ruby(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        fields = loader.construct_mapping(node, deep=True)
        return fields.get("utc", fields)  # ActiveSupport::TimeWithZone
    return None


_Metadata.add_multi_constructor("!ruby/", _ruby)


def _gradescope(files: list[File]) -> tuple[list[Found], list[File]]:
    by_name = {PurePosixPath(file.path).name: file for file in files}
    listing = by_name["submission_metadata.yml"]
    try:
        entries = yaml.load(listing.read(), _Metadata)
        folders = {str(folder): dict(entry) for folder, entry in entries.items()}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise CourseError(f"{listing.path} is not Gradescope's list of submissions.") from error
    found, strange = [], []
    for file in files:
        folder = next((part for part in file.path.split("/")[:-1] if part in folders), None)
        if folder is None:
            strange += [] if file is listing else [file]
            continue
        name = file.path.split(f"{folder}/", 1)[1]
        submitters = folders[folder].get(":submitters") or []
        for person in submitters:
            made = Found(
                file,
                name,
                group=f"{folder}/{person.get(':email')}",
                lms_id=str(person.get(":sid") or ""),
                email=str(person.get(":email") or ""),
                person=str(person.get(":name") or ""),
                time=_time(folders[folder].get(":created_at")),
            )
            found.append(made)
        strange += [] if submitters else [file]
    return found, strange


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00"))
        except ValueError:
            return None
    return _aware(value, UTC) if isinstance(value, datetime) else None


def _aware(time: datetime | None, zone: tzinfo) -> datetime | None:
    return time if time is None or time.tzinfo else time.replace(tzinfo=zone)


WORKSHEET_TIMES = (
    "%d %B %Y, %I:%M %p",
    "%B %d, %Y, %I:%M %p",
    "%d %B %Y, %H:%M",
    "%d. %B %Y, %H:%M",
)
GERMAN_MONTHS = {"Januar": "January", "Februar": "February", "März": "March", "Mai": "May",
                 "Juni": "June", "Juli": "July", "Oktober": "October",
                 "Dezember": "December"}  # fmt: skip


def read_worksheet(table: Table, zone: tzinfo) -> dict[str, tuple[str, str, datetime | None]]:
    """Moodle's grading worksheet: participant number → full name, e-mail, time of handing in.

    Raises CourseError where `table` is another file.
    """
    identifier = table.column("identifier", "id")
    name = table.column("full name", "vollständiger name")
    email = table.column("email address", "e-mail-adresse")
    handed_in = table.column("last modified (submission)", "zuletzt geändert (abgabe)")
    if identifier is None or email is None:
        raise CourseError(f"{table.path} is not Moodle's grading worksheet.")
    made = {}
    for row in table.rows[1:]:
        number = re.search(r"\d+", row[identifier])
        if number:
            time = None if handed_in is None else _worksheet_time(row[handed_in], zone)
            made[number[0]] = ("" if name is None else row[name], row[email], time)
    return made


def _worksheet_time(text: str, zone: tzinfo) -> datetime | None:
    """The time in "Friday, 16 October 2026, 9:05 AM", as Moodle's language puts it."""
    _, _, time = text.strip().partition(", ")  # the weekday says nothing more
    time = re.sub(r"[^\W\d]+", lambda word: GERMAN_MONTHS.get(word[0], word[0]), time)
    for form in WORKSHEET_TIMES:
        try:
            return datetime.strptime(time, form).replace(tzinfo=zone)
        except ValueError:
            continue
    return None
