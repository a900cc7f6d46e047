"""Answer key of one assignment: built by `nbjudge build`, read by the judge, never released.

key/<assignment>/key.json         expectations, and the evidence of each known mistake
key/<assignment>/template.ipynb   the notebook that runs: stubs and hidden tests, no KEY region
"""

import contextlib
import dataclasses
import functools
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from nbjudge.core.course import Assignment, Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest, write_bytes, write_text
from nbjudge.core.notebooks import notebook_text
from nbjudge.judge.comparators import Comparator, comparator
from nbjudge.judge.scorers import Scorer, load_scorer
from nbjudge.kernel.evidence import BadEvidence, Observation, read_observation

FORMAT = 6
FILES = "files"
"""The folder, next to the key, of the course's files that a notebook of asserts reads."""

TEST_SET = "test_set"
"""The file, next to the key, on which submitted files are scored."""

Payload = dict[str, Any]
"""One message of evidence, as received from a kernel."""


@dataclass(frozen=True)
class Expectation:
    """How one observation of a cell is compared, and with which value.

    Raises ValueError if there is no such comparator.
    """

    name: str
    comparator: dict[str, Any]  # as a KEY region described it
    value: Any  # an encoded value
    guard: bool = False
    stand_in: str | None = None
    stand_in_value: Any = None  # encoded too: other parts may lead to another value

    def __post_init__(self) -> None:
        comparator(self.comparator)  # refuses an unknown one here, not while a class is graded

    @property
    def rule(self) -> Comparator:
        """The comparator itself."""
        return comparator(self.comparator)

    def ways(self) -> tuple[tuple[str, Any], ...]:
        """The observations of which one must match, each with its expected encoded value."""
        own = (self.name, self.value)
        return (own,) if self.stand_in is None else (own, (self.stand_in, self.stand_in_value))


@dataclass(frozen=True)
class MistakeEvidence:
    """Evidence of a known mistake in one cell."""

    id: str
    says: str
    credit: float | None
    payloads: tuple[Payload, ...]


@dataclass(frozen=True)
class CellKey:
    """The key of one grade cell."""

    grade_id: str
    points: float
    expectations: tuple[Expectation, ...]
    mistakes: tuple[MistakeEvidence, ...] = ()
    is_extra: bool = False  # its points are extra credit
    scored_file: str = ""  # the submitted file that its points are for
    has_asserts: bool = False  # it is judged by its outcome, as nbgrader does
    is_hidden: bool = False  # whether students do not have all of its asserts
    ignored_stderr: str = ""  # a regular expression: nbgrader's IgnorePattern


@dataclass(frozen=True)
class AnswerKey:
    """The key of one assignment, and what it was built from."""

    assignment: str
    inputs: str  # digest of everything that the build read
    settings: str  # digest of the assignment's settings in course.toml
    release: str  # digest of the released notebook that belongs to this key
    cells: tuple[CellKey, ...]
    template: NotebookNode
    scorer_name: str = ""  # the name of the scorer in course.toml
    scorer: Scorer | None = None  # that scorer, imported
    test_set: bytes | None = None  # for the scorer
    files: dict[str, bytes] = field(default_factory=dict)  # next to a notebook of asserts

    @functools.cached_property
    def digest(self) -> str:
        """A digest of everything that a verdict depends on, which excludes the build's inputs."""
        return _digest(_judged_by(self), self.test_set)


@dataclass(frozen=True)
class KeySummary:
    """Identification of a key, without its expectations, template, and scorer."""

    digest: str  # that of the whole key
    settings: str
    release: str


def _digest(judged_by: Mapping[str, Any], test_set: bytes | None) -> str:
    return digest(json.dumps(judged_by, sort_keys=True), test_set or b"")


def write_key(key: AnswerKey, folder: Path) -> None:
    """Write `key` below `folder`; key.json is written last and completes it."""
    fields = {"inputs": key.inputs, "release": key.release, **_judged_by(key)}
    write_text(folder / "template.ipynb", notebook_text(key.template))
    shutil.rmtree(folder / FILES, ignore_errors=True)
    for name, content in key.files.items():
        write_bytes(folder / FILES / name, content)
    write_text(folder / "key.json", json.dumps(fields, ensure_ascii=False, indent=1) + "\n")


def _judged_by(key: AnswerKey) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "assignment": key.assignment,
        "settings": key.settings,
        "scorer": key.scorer_name,
        "template": digest(notebook_text(key.template)),
        "files": {name: digest(content) for name, content in key.files.items()},
        "cells": [dataclasses.asdict(cell) for cell in key.cells],
    }


def load_key(folder: Path, assignment: str) -> AnswerKey:
    """The answer key below `folder`.

    Raises CourseError if there is none, or none that this version can read.
    """
    with _key_errors(assignment):
        fields, written = _read(folder)
        return AnswerKey(
            assignment=fields["assignment"],
            inputs=fields["inputs"],
            settings=fields["settings"],
            release=fields["release"],
            cells=tuple(_cell_key(cell) for cell in fields["cells"]),
            template=nbformat.reads(written, as_version=4),
            scorer_name=fields["scorer"],
            scorer=load_scorer(fields["scorer"], folder.parents[1]) if fields["scorer"] else None,
            test_set=_test_set(folder, fields["cells"]),
            files={name: _file(folder, name, known) for name, known in fields["files"].items()},
        )


def read_summary(folder: Path, assignment: str) -> KeySummary:
    """The summary of the answer key below `folder`.  Raises CourseError as `load_key` does."""
    with _key_errors(assignment):
        fields, _ = _read(folder)
        judged_by = {name: fields[name] for name in fields.keys() - {"inputs", "release"}}
        whole = _digest(judged_by, _test_set(folder, fields["cells"]))
        return KeySummary(whole, fields["settings"], fields["release"])


def _file(folder: Path, name: str, known: str) -> bytes:
    content = (folder / FILES / name).read_bytes()
    if digest(content) != known:
        raise ValueError(f"{name} has changed")
    return content


def _read(folder: Path) -> tuple[dict[str, Any], str]:
    """The contents of key.json, and the text of the template."""
    fields = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    written = (folder / "template.ipynb").read_text(encoding="utf-8")
    if fields["format"] != FORMAT or fields["template"] != digest(written):
        raise ValueError("incomplete, or of another version")
    return fields, written


@contextlib.contextmanager
def _key_errors(assignment: str) -> Iterator[None]:
    remedy = f"run `nbjudge build {assignment}`"
    try:
        yield
    except FileNotFoundError as error:
        raise CourseError(f"There is no answer key of {assignment} yet; {remedy}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"The answer key of {assignment} is damaged or of another version; {remedy}."
        ) from error


@functools.lru_cache(maxsize=2)
def known_key(folder: Path, assignment: str, key_digest: str) -> AnswerKey:
    """The answer key below `folder`, read once by each process.

    Raises CourseError if its digest is not `key_digest`.
    """
    key = load_key(folder, assignment)
    if key.digest != key_digest:
        raise CourseError(f"The answer key of {assignment} changed while it was used.")
    return key


def _test_set(folder: Path, cells: list[dict[str, Any]]) -> bytes | None:
    is_needed = any(cell["scored_file"] for cell in cells)
    return read_test_set(folder / TEST_SET) if is_needed else None


def read_test_set(path: Path) -> bytes:
    """The test set at `path`.  Raises CourseError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CourseError(
            f"The test set {path} cannot be read ({error.strerror}); what students have made for "
            "it can only be graded with a copy of that file."
        ) from error


def _cell_key(fields: dict[str, Any]) -> CellKey:
    return CellKey(
        grade_id=fields["grade_id"],
        points=fields["points"],
        expectations=tuple(Expectation(**entry) for entry in fields["expectations"]),
        mistakes=tuple(
            MistakeEvidence(**{**entry, "payloads": tuple(entry["payloads"])})
            for entry in fields["mistakes"]
        ),
        is_extra=fields["is_extra"],
        scored_file=fields["scored_file"],
        has_asserts=fields["has_asserts"],
        is_hidden=fields["is_hidden"],
        ignored_stderr=fields["ignored_stderr"],
    )


def release_digest(course: Course, assignment: str) -> str:
    """The digest of the released notebook.  Raises CourseError if there is no release yet."""
    try:
        return digest(course.release(assignment).read_bytes())
    except FileNotFoundError as error:
        raise CourseError(
            f"There is no release of {assignment} yet; run `nbjudge build {assignment}`."
        ) from error


def key_for_grading(course: Course, assignment: str) -> AnswerKey:
    """The key to grade `assignment` with.

    Raises CourseError if there is no release or key, or if release, key, and settings do not
    match.
    """
    release = release_digest(course, assignment)
    key = load_key(course.key(assignment), assignment)
    _check(course, assignment, key, release)
    return key


def summary_for_grading(course: Course, assignment: str) -> KeySummary:
    """The summary of the key to grade `assignment` with.

    Raises CourseError as `key_for_grading` does.
    """
    release = release_digest(course, assignment)
    key = read_summary(course.key(assignment), assignment)
    _check(course, assignment, key, release)
    return key


def _check(course: Course, assignment: str, key: AnswerKey | KeySummary, release: str) -> None:
    if key.release != release:
        raise CourseError(
            f"The answer key of {assignment} belongs to another release than the one in "
            f"release/{assignment}; run `nbjudge build {assignment}`."
        )
    if key.settings != settings_digest(course.assignment(assignment)):
        raise CourseError(
            f"The settings of {assignment} in course.toml have changed since its answer key was "
            f"built; run `nbjudge build {assignment}`."
        )


def settings_digest(assignment: Assignment) -> str:
    """A digest of the settings of `assignment` in course.toml."""
    return digest(repr(assignment))


def read_payloads(texts: Iterable[str]) -> Iterator[Payload]:
    """The messages in a run's evidence, of which only one at a time is in memory."""
    for text in texts:
        with contextlib.suppress(RecursionError):  # nested deeper than any observation
            yield json.loads(text)


def observations(payloads: Iterable[Payload]) -> dict[str, Observation | None]:
    """Observations by name; None under a name that was observed more than once.

    Messages that are not observations are ignored, as if they had never arrived.
    """
    found: dict[str, Observation | None] = {}
    for payload in payloads:
        try:
            observation = read_observation(payload)
        except BadEvidence:
            continue
        repeated = observation.name in found
        found[observation.name] = None if repeated else observation
    return found
