"""`nbjudge new-term`: the course starts again, with new inputs for its hidden tests.

Sources, mistakes and settings stay. What the last term left is in its archive, and goes; the
records of what its students were handed move aside, so that notebooks may change again.
"""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from nbjudge.core import archives
from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.people import folder_name
from nbjudge.gradebook import creation
from nbjudge.gradebook.connection import gradebook_errors
from nbjudge.gradebook.rows import has_gradebook
from nbjudge.workflow import archive

LEFT = (*archive.FOLDERS, "gradescope")
"""Folders that a new term starts without; files right in them that git knows, stay."""

ASIDE = ".last_term"
STAYING = frozenset({"README.md"})


def begin(course: Course, term: str, path: Path) -> list[str]:
    """Begin `term`; the files and folders that are gone, which are all in the archive at `path`.

    Interrupted, it can be run again with the same words.

    Raises CourseError if the archive does not hold everything, or course.toml cannot be changed;
    then nothing is changed.
    """
    archives.refuse_archive(course)
    if not term.strip():
        raise CourseError("A term needs a name, such as '2027 spring'.")
    settings = course.root / "course.toml"
    before = settings.read_text(encoding="utf-8")
    after = with_term(before, term)
    archive.check_holds(course, path)
    gone = _set_aside(course)
    write_text(settings, after)
    shutil.rmtree(course.root / ASIDE, ignore_errors=True)
    return gone


def _set_aside(course: Course) -> list[str]:
    """Move what the last term has left out of the way; the names of what was moved."""
    aside = course.root / ASIDE
    handed_out = course.root / "handed_out"
    old = handed_out / folder_name(course.term.name or "before")
    for record in sorted(handed_out.glob("*.json")):
        old.mkdir(exist_ok=True)
        record.replace(old / record.name)
    gone = _without_gradebook(course, aside)
    places = []
    for name in LEFT:
        if name != "handed_out":
            places += sorted((course.root / name).glob("*"))
    for place in places:
        if place.name not in STAYING:
            shown = place.relative_to(course.root)
            target = aside / shown
            target.parent.mkdir(parents=True, exist_ok=True)
            place.replace(target)
            gone.append(shown.as_posix())
    return gone


def _without_gradebook(course: Course, aside: Path) -> list[str]:
    """Move the gradebook's files out of the way, or empty its database; what is gone."""
    place = course.gradebook_place
    if place.path is None:
        if not has_gradebook(course):
            return []
        with gradebook_errors(course):
            creation.remove(place)
        return [place.shown]
    gone = []
    for path in sorted(place.path.parent.glob(f"{place.path.name}*")):
        aside.mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside / path.name)
        gone.append(path.name)
    return gone


def with_term(text: str, term: str) -> str:
    """The text of course.toml with another term and without exceptions, which were of students.

    All else stays, comments too.  Raises CourseError if that cannot be done.
    """
    quoted = '"' + term.replace("\\", "\\\\").replace('"', '\\"') + '"'
    line = f"term = {quoted}\n"
    made = re.sub(r"^\[\[exception\]\].*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    table = re.search(r"^\[course\][^\n]*\n(.*?)(?=^\[|\Z)", made, re.MULTILINE | re.DOTALL)
    if table is None:
        first = re.search(r"^\[|\Z", made, re.MULTILINE)
        assert first is not None, "the end of the text matches"
        made = f"{made[: first.start()]}[course]\n{line}\n{made[first.start() :]}"
    else:
        rest = re.sub(r"^term\s*=[^\n]*\n", "", table[1], flags=re.MULTILINE)
        made = made[: table.start(1)] + line + rest + made[table.end(1) :]
    if _settings(made) != _expected(_settings(text), term):
        raise CourseError(
            "course.toml is written in a way that cannot be changed here: put "
            f"term = {quoted} into its table [course] and remove the exceptions by hand."
        )
    return made


def _settings(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _expected(settings: dict[str, Any] | None, term: str) -> dict[str, Any]:
    known = dict(settings or {})
    known.pop("exception", None)
    return {**known, "course": {**known.get("course", {}), "term": term}}
