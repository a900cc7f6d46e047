"""Store of all submissions ever collected; nothing in it is changed or removed.

collected/<assignment>/<student>/001/   one submission: its files, time, and origin; numbered in
                                        the order of collection
"""

import json
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbjudge.core.course import Course
from nbjudge.core.files import NOT_KEPT, ORIGIN, digest, write_bytes, write_text
from nbjudge.core.times import TIMESTAMP, Stamp, read_timestamp, timestamp

LONGEST_NAME = 200  # bytes; file systems allow 255

OURS = (ORIGIN, TIMESTAMP)


@dataclass(frozen=True)
class Origin:
    """Origin of a submission, and what the LMS said about it."""

    lms: str = ""
    paths: tuple[str, ...] = ()  # of its files, in the download
    time: datetime | None = None  # of submission; None if not known exactly
    is_late: bool = False  # by the LMS's own mark
    attempt: str = ""  # sorts the submissions of one LMS


@dataclass(frozen=True)
class Submission:
    """One submission in collected/."""

    folder: Path
    origin: Origin

    @property
    def time(self) -> datetime | None:
        """The time of submission; None if not known exactly."""
        return self.origin.time


def collected_students(course: Course, assignment: str) -> list[str]:
    """The students with a collected submission of `assignment`, sorted."""
    folder = course.collected("any", assignment).parent
    return sorted(path.name for path in folder.glob("[!.]*")) if folder.is_dir() else []


def submissions(course: Course, student: str, assignment: str) -> list[Submission]:
    """Every submission of `assignment` that was collected from `student`, oldest first."""
    folders = _folders(course, student, assignment)
    found = [Submission(folder, read_origin(folder)) for folder in folders]
    if all(one.time is not None for one in found):
        found.sort(key=lambda one: one.time or datetime.min.replace(tzinfo=UTC))
    elif all(one.origin.attempt and one.origin.lms == found[0].origin.lms for one in found):
        found.sort(key=lambda one: natural(one.origin.attempt))
    return found


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts `text` by the numbers in it: 9 before 10."""
    parts = re.split(r"([0-9]+)", text)
    return [(int(part) if part.isdecimal() else -1, part) for part in parts]


def read_origin(folder: Path) -> Origin:
    """The origin of the submission in `folder`; an empty one if it was not recorded."""
    try:
        noted = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        time = noted.get("time")
        return Origin(
            str(noted.get("lms", "")),
            tuple(str(path) for path in noted.get("paths", ())),
            datetime.fromisoformat(time) if time else None,
            bool(noted.get("late")),
            str(noted.get("attempt", "")),
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return Origin()


def keep(
    course: Course,
    student: str,
    assignment: str,
    contents: dict[str, bytes],
    origin: Origin,
    stamp: Stamp | None,
) -> None:
    """Add a submission, unless it is already there, judging by `contents`, by file name.

    Contents that a student has handed in before, but replaced since, are a submission of their own
    if the LMS gives them another name or time.

    stamp: what is known about its time
    """
    before = _folders(course, student, assignment)
    wanted = _digest(contents)
    if any(_digest(contents_of(folder)) == wanted for folder in before):
        newest = submissions(course, student, assignment)[-1].folder
        same = [read_origin(one) for one in before if _digest(contents_of(one)) == wanted]
        is_back = _digest(contents_of(newest)) != wanted and all(
            one.lms == origin.lms and (one.paths, one.time) != (origin.paths, origin.time)
            for one in same
        )
        if not is_back:
            return
    folder = course.collected(student, assignment) / f"{len(before) + 1:03}"
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    for name, content in contents.items():
        write_bytes(aside / name, content)
    if stamp is not None:
        shown = timestamp(stamp.time) if stamp.time else f"{stamp.text}\n"
        write_text(aside / TIMESTAMP, shown)
    noted: dict[str, Any] = {
        "lms": origin.lms,
        "paths": origin.paths,
        "time": origin.time.isoformat() if origin.time else None,
        "late": origin.is_late,
        "attempt": origin.attempt,
    }
    write_text(aside / ORIGIN, json.dumps(noted, ensure_ascii=False, indent=1) + "\n")
    aside.rename(folder)


def adopt(course: Course, student: str, assignment: str) -> None:
    """Add the files in submitted/ as a submission if they were not collected."""
    folder = course.submitted(student, assignment)
    if not folder.is_dir():
        return
    contents = contents_of(folder)
    if contents and not is_kept(course, student, assignment):
        stamp = read_timestamp(folder, course.policies.zone(assignment))
        origin = Origin("by hand", time=stamp.time if stamp else None)
        keep(course, student, assignment, contents, origin, stamp)


def is_kept(course: Course, student: str, assignment: str) -> bool:
    """Whether the files in submitted/ are a submission collected before."""
    contents = _digest(contents_of(course.submitted(student, assignment)))
    kept = _folders(course, student, assignment)
    return any(_digest(contents_of(folder)) == contents for folder in kept)


def contents_of(folder: Path) -> dict[str, bytes]:
    """The student's own files in `folder`, by name."""
    files = (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    return {path.name: path.read_bytes() for path in files if path.name not in OURS}


def file_name(name: str, assignment: str, taken: Collection[str]) -> str:
    """A name for a student's file in a flat folder; Canvas's `-1` for a resubmission is removed."""
    name = re.sub(r"[^\w. ()+-]", "_", name.replace("/", "__")).lstrip(".") or "file"
    plain = re.sub(r"-\d+(?=\.ipynb$)", "", name)
    if plain == f"{assignment}.ipynb" and plain not in taken:
        name = plain
    while len(name.encode()) > LONGEST_NAME:
        name = name[1:]
    while name in taken or name in (*OURS, NOT_KEPT):
        name = f"_{name}"
    return name


def _folders(course: Course, student: str, assignment: str) -> list[Path]:
    folder = course.collected(student, assignment)
    return sorted(folder.glob("[0-9]*")) if folder.is_dir() else []


def _digest(contents: dict[str, bytes]) -> str:
    return digest(*(part for item in sorted(contents.items()) for part in item))
