"""Interface of scorers: a course's own code that scores files submitted by students.

A scorer belongs to the course. `course.toml` names it for an assignment, as `module:object`; it is
imported in the trusted process only, and reads students' files as data.
"""

import functools
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from nbjudge.core.errors import CourseError


class BadFile(Exception):
    """A submitted file that cannot be scored.  The text ends a sentence for the student."""


class Scorer(Protocol):
    """A scorer of the files of one assignment."""

    files: tuple[str, ...]
    """The names of the files that it can score."""

    hands_out: tuple[str, ...]
    """The names of the files that students get next to their notebook."""

    def make_test_set(self) -> bytes:
        """A new test set, made once for each course and kept with the answer key."""

    def handed_out(self, test_set: bytes) -> dict[str, bytes]:
        """The files that students get next to their notebook: name → contents."""

    def score(
        self, file: str, submitted: Mapping[str, bytes], test_set: bytes
    ) -> tuple[float, str]:
        """The share of the points that a submitted file earns, from 0 to 1, and a sentence.

        submitted: all files of the submission, name → contents; one may depend on another
        Raises BadFile if it cannot be scored.
        """


@functools.cache
def load_scorer(name: str, root: Path) -> Scorer:
    """The scorer called `name`, as `module:object`, of the course in the folder `root`.

    Raises CourseError if there is none.
    """
    module, _, attribute = name.partition(":")
    if str(root) not in sys.path:
        sys.path.append(str(root))  # a course's own code lies in its folder
    try:
        found: Scorer = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise CourseError(f"course.toml names the scorer {name!r}, but {error}.") from error
    return found
