"""`nbjudge archive`: all that is left of a term in one zip, which opens again for reading only."""

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbjudge
from nbjudge.core import archives
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import ARCHIVE_MARK, digest
from nbjudge.core.gradebook_place import CONFIG, parsed
from nbjudge.gradebook import history, moving
from nbjudge.gradebook.connection import gradebook_errors
from nbjudge.gradebook.rows import has_gradebook
from nbjudge.kernel.evidence import sendable
from nbjudge.pages import report
from nbjudge.workflow import grades, totals

GRADEBOOK = "gradebook.db"
FOLDERS = ("collected", "submitted", "autograded", "feedback", "explained", "report",
           "report_to_share", "handed_out", "release", "key")  # fmt: skip
"""What a term leaves behind, besides the gradebook and the settings."""

FILES = ("course.toml", CONFIG)
FORMAT = 1
PIECE = 1 << 20


def write_archive(course: Course, path: Path) -> int:
    """Write the archive of `course` to `path`; the number of files in it.

    The gradebook is copied as it is at one moment, so people may grade meanwhile; but what they do
    after that is not in the archive.

    Raises CourseError if there is no gradebook, or already a file at `path`, or no room for it.
    """
    archives.refuse_archive(course)
    if not has_gradebook(course):
        raise CourseError(f"There is no gradebook in {course.root}, so there is no term to keep.")
    if path.exists():
        raise CourseError(f"{path} exists already: choose another name.")
    config_to_keep(course)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".archive.") as folder:
            count = _write(course, Path(folder))
            os.replace(Path(folder) / "archive.zip", path)
    except OSError as error:
        raise CourseError(f"{path} could not be written ({error.strerror or error}).") from error
    return count


def _write(course: Course, folder: Path) -> int:
    with gradebook_errors(course):
        copy_gradebook(course, folder / GRADEBOOK)
    found = [score for name in report.graded_assignments(course)
             for score in grades.scores(course, name, so_far=True)]  # fmt: skip
    grades.write_grades(course, found, folder / "grades.csv", totals.totals(course, so_far=True))
    history.write_changes(history.changes(course, course.assignments), folder / "history.csv")
    digests: dict[str, str] = {}
    with zipfile.ZipFile(folder / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (GRADEBOOK, "grades.csv", "history.csv"):
            digests[name] = _add(archive, folder / name, name)
        for place in term_files(course):
            name = sendable(place.relative_to(course.root).as_posix())
            if name == CONFIG:
                place = folder / CONFIG
                place.write_text(config_to_keep(course), encoding="utf-8")
            digests[name] = _add(archive, place, name)
        digests[GRADEBOOK] = gradebook_digest(folder / GRADEBOOK)
        mark = {"format": FORMAT, "term": course.term.name, **_versions(), "files": digests}
        archive.writestr(_entry(ARCHIVE_MARK), json.dumps(mark, indent=1))
    return len(digests)


def copy_gradebook(course: Course, path: Path) -> None:
    """Copy the gradebook to a file of SQLite's, as it is at one moment, whoever writes to it."""
    place = course.gradebook_place
    if place.path is None:
        moving.copy(place, parsed(f"sqlite:///{path}", course.root))
        return
    with (
        contextlib.closing(sqlite3.connect(place.path)) as source,
        contextlib.closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)


def config_to_keep(course: Course) -> str:
    """The text of nbgrader_config.py without the password of the gradebook's server.

    Raises CourseError if the password cannot be told from the rest of the text.
    """
    path, place = course.root / CONFIG, course.gradebook_place
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    kept = place.masked_in(text)
    if place.without_password(kept) != kept:
        raise CourseError(
            f"{path} has the password of the gradebook's server in other places than in its URL: "
            "leave it to the file ~/.pgpass, so that it is in no archive."
        )
    return kept


def _gradebook_digest_now(course: Course) -> str:
    """A digest of what the gradebook of `course` holds now, as a file of SQLite's."""
    place = course.gradebook_place
    if place.path is not None:
        return gradebook_digest(place.path)
    with tempfile.TemporaryDirectory() as folder:
        copy_gradebook(course, Path(folder) / GRADEBOOK)
        return gradebook_digest(Path(folder) / GRADEBOOK)


def gradebook_digest(path: Path) -> str:
    """A digest of what a gradebook holds, which does not depend on how its file is laid out."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return digest(*connection.iterdump())


def term_files(course: Course) -> Iterator[Path]:
    """The files of a term, apart from its gradebook; links are left out, wherever they lead."""
    for name in FILES:
        if (course.root / name).is_file():
            yield course.root / name
    for name in FOLDERS:
        for folder, folders, files in os.walk(course.root / name):
            folders.sort()
            for file in sorted(files):
                path = Path(folder) / file
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> str:
    """Add a file to the archive under `name`, piece by piece; the digest of its contents."""
    entry = _entry(name)
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target, PIECE)
    return file_digest(path)


def file_digest(path: Path) -> str:
    """A digest of the contents of the file at `path`."""
    return digest(path.read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry of the zip that nobody can write to by accident once it is unpacked."""
    entry = zipfile.ZipInfo(name, datetime.now().timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o444) << 16
    return entry


def _versions() -> dict[str, Any]:
    found = importlib.metadata.distributions()
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "nbjudge": nbjudge.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": dict(sorted((one.name, one.version) for one in found)),
    }


def check_holds(course: Course, path: Path) -> None:
    """Check that the archive at `path` holds all that the term has left in the course's folder.

    Raises CourseError if it is no archive, is damaged, or lacks something, such as points that
    were given after it was made.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            mark = json.loads(archive.read(ARCHIVE_MARK))
        held: dict[str, str] = mark["files"]
    except (EOFError, NotImplementedError, zlib.error) as error:
        raise CourseError(f"{path} is damaged: it cannot be unpacked.") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise CourseError(f"{path} is not an archive that `nbjudge archive` made.") from error
    if damaged:
        raise CourseError(f"{path} is damaged: {damaged} cannot be read.")
    remedy = "make another archive"
    if has_gradebook(course):
        with gradebook_errors(course):
            now = _gradebook_digest_now(course)
        if held.get(GRADEBOOK) != now:
            raise CourseError(f"{path} holds another state of the gradebook; {remedy}.")
    for place in term_files(course):
        name = sendable(place.relative_to(course.root).as_posix())
        is_kept = name in FILES or name.startswith("handed_out/")  # a new term removes neither
        if not is_kept and held.get(name) != file_digest(place):
            raise CourseError(f"{path} does not hold {name} as it is now; {remedy}.")
