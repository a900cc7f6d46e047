"""Students, and lookup of a student by name, id, or e-mail."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nbjudge.core.errors import CourseError


@dataclass(frozen=True)
class Person:
    """One student; what is not known is empty."""

    student: str  # the name in the gradebook, and of the folder below submitted/
    first_name: str
    last_name: str
    email: str
    lms_id: str  # the LMS's own id of the student, the same in all of its courses' files

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def fold(text: str) -> str:
    """`text` for comparing names: in composed Unicode, without case and repeated spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def folder_name(wanted: str) -> str:
    """`wanted` as the name of a folder on any system, in ASCII."""
    ascii_only = unicodedata.normalize("NFKD", wanted.replace("ß", "ss"))
    kept = re.sub(r"[^\w.-]+", "-", ascii_only.encode("ascii", "ignore").decode().casefold())
    return kept.strip(".-") or "student"


def usual_spellings(person: Person) -> set[str]:
    """Usual spellings of a person's name, folded: first name first, last name first, sortable."""
    first, last = person.first_name, person.last_name
    return {fold(person.name), fold(f"{last} {first}"), fold(f"{last}, {first}")}


def find_person(
    people: Iterable[Person],
    *,
    lms_id: str = "",
    email: str = "",
    student: str = "",
    name: str = "",
    spellings: Callable[[Person], set[str]] = usual_spellings,
) -> Person | None:
    """The person identified by the first of these that matches anyone; None if none does.

    spellings: how the name of a person may be written where `name` comes from

    Raises CourseError if several people have that name.
    """
    people = list(people)
    for attribute, wanted in (("lms_id", lms_id), ("email", email), ("student", student)):
        if wanted:
            for person in people:
                if fold(getattr(person, attribute)) == fold(wanted):
                    return person
    named = [person for person in people if name and fold(name) in spellings(person)]
    if len(named) > 1:
        ids = " and ".join(person.student for person in named)
        raise CourseError(f"there are several students of this name: {ids}")
    return named[0] if named else None
