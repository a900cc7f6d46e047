"""The roster: who takes the course, from an LMS's file into nbgrader's own table of students."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.tables import Table
from nbjudge.gradebook.connection import gradebook_errors, open_gradebook


@dataclass(frozen=True)
class Person:
    """One student; what is not known is empty."""

    student: str  # the name in the gradebook, and of the folder below submitted/
    first_name: str
    last_name: str
    email: str
    lms_id: str  # Canvas's ID, Gradescope's SID, Moodle's ID number

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Change:
    """What importing a roster did to one student."""

    person: Person
    what: str  # "added", "changed", "unchanged", "not in the file"


FIRST = ("first name", "first_name", "firstname", "vorname")
LAST = ("last name", "last_name", "lastname", "surname", "nachname")
FULL = ("full name", "student", "name", "vollständiger name")
EMAIL = ("email address", "email", "e-mail-adresse", "e-mail")
LOGIN = ("sis login id", "username", "anmeldename")
NUMBER = ("sid", "id number", "sis user id", "id-nummer", "lms_user_id")
ROLE = ("role", "roles", "rolle", "rollen")
DROPPED = re.compile(r"[\x00-\x1f&<>\"`|':\\/]")  # by Moodle, of a name in a file's name

FORMS = (
    "an export of Canvas's gradebook, of Moodle's participants or grading worksheet, of "
    "Gradescope's roster, or columns first_name, last_name, email"
)


def fold(text: str) -> str:
    """`text` for comparing names: composed, without case and repeated blanks."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def read_roster(table: Table) -> list[Person]:
    """The students in an LMS's `table`; rows of teachers, tests and totals are left out.

    Their gradebook names are what they log in with, or else what their e-mail begins with.

    Raises CourseError where the table is no roster, or where two rows cannot be told apart.
    """
    places = {
        what: table.column(*names)
        for what, names in (
            ("first", FIRST), ("last", LAST), ("full", FULL), ("email", EMAIL), ("login", LOGIN),
            ("number", NUMBER), ("role", ROLE), ("id", ("id",)),
        )
    }  # fmt: skip
    is_canvas = is_canvas_gradebook(table)
    has_names = places["full"] is not None or (
        places["first"] is not None and places["last"] is not None
    )
    if not has_names or (places["email"] is None and not is_canvas):
        raise CourseError(f"{table.path} is not a roster: it must be {FORMS}.")

    def cell(row: list[str], what: str) -> str:
        place = places[what]
        return "" if place is None else unicodedata.normalize("NFC", row[place].strip())

    people = []
    for row in table.rows[1:]:
        first, last = cell(row, "first"), cell(row, "last")
        if places["first"] is None or places["last"] is None:
            first, last = _split(cell(row, "full"))
        lms_id = cell(row, "id") if is_canvas else cell(row, "number")
        if not (first or last) or (is_canvas and not lms_id.isdecimal()) or _is_test(first, last):
            continue
        if (role := cell(row, "role")) and not re.search(r"student|teilnehmer", role.casefold()):
            continue
        email = cell(row, "email") or (cell(row, "login") if "@" in cell(row, "login") else "")
        wanted = cell(row, "login").split("@")[0] or email.split("@")[0] or lms_id
        person = Person(_folder_name(wanted or f"{first}.{last}"), first, last, email, lms_id)
        people.append(person)
    _check_distinct(table, people)
    return _told_apart(people)


def is_canvas_gradebook(table: Table) -> bool:
    """Whether `table` is Canvas's export of grades, with names in one column or in two."""
    return all(table.column(name) is not None for name in ("id", "sis login id"))


def _split(full: str) -> tuple[str, str]:
    """First and last name of "Lovelace, Ada" or "Ada Lovelace"."""
    if "," in full:
        last, _, first = full.partition(",")
        return first.strip(), last.strip()
    first, _, last = full.rpartition(" ")
    return first.strip(), last.strip()


def _is_test(first: str, last: str) -> bool:
    return (fold(first), fold(last)) in {("test", "student"), ("", "points possible")}


def _folder_name(wanted: str) -> str:
    """`wanted` as the name of a folder on any system, in ASCII."""
    plain = unicodedata.normalize("NFKD", wanted.replace("ß", "ss"))
    kept = re.sub(r"[^\w.-]+", "-", plain.encode("ascii", "ignore").decode().casefold())
    return kept.strip(".-") or "student"


def _check_distinct(table: Table, people: list[Person]) -> None:
    if not people:
        raise CourseError(f"{table.path} lists no students.")
    for what in ("lms_id", "email"):
        seen: dict[str, Person] = {}
        for person in people:
            value = fold(getattr(person, what))
            if value and value in seen:
                raise CourseError(
                    f"{table.path} lists {value} twice, for {seen[value].name} and {person.name}."
                )
            seen[value] = person


def _told_apart(people: list[Person]) -> list[Person]:
    """`people` with gradebook names of their own: those of one name get their id behind it."""
    names = [person.student for person in people]
    made = [
        replace(person, student=f"{person.student}-{_folder_name(person.lms_id or person.email)}")
        if names.count(person.student) > 1
        else person
        for person in people
    ]
    taken = [person.student for person in made]
    for person in made:
        if taken.count(person.student) > 1:
            raise CourseError(
                f"The roster cannot tell two students called {person.name} apart: "
                "it needs a column with their e-mail or their id."
            )
    return made


def known(course: Course) -> list[Person]:
    """The students in the course's gradebook, by name; none where there is no gradebook yet."""
    if not (course.root / "gradebook.db").exists():
        return []
    with gradebook_errors(course), open_gradebook(course) as gradebook:
        people = [
            Person(
                student.id,
                student.first_name or "",
                student.last_name or "",
                student.email or "",
                student.lms_user_id or "",
            )
            for student in gradebook.students
        ]
    return sorted(people, key=lambda person: (person.last_name, person.first_name, person.student))


def enter(course: Course, people: list[Person]) -> list[Change]:
    """Enter `people` into the gradebook; nobody is ever taken out of it.

    Who is known already, by LMS id or else by e-mail, keeps their gradebook name.
    """
    before = known(course)
    changes = []
    for person in people:
        old = find(before, lms_id=person.lms_id) or find(before, email=person.email)
        same_name = find(before, student=person.student)
        if old is None and same_name is not None and not (same_name.lms_id or same_name.email):
            old = same_name  # known from a submission only
        elif old is None and same_name is not None:
            suffix = _folder_name(person.lms_id or person.email or person.name)
            person = replace(person, student=f"{person.student}-{suffix}")
        if old is None:
            changes.append(Change(person, "added"))
            continue
        kept = {  # what this file does not say stays
            "student": old.student,
            "email": person.email or old.email,
            "lms_id": person.lms_id or old.lms_id,
        }
        person = replace(person, **kept)
        changes.append(Change(person, "unchanged" if person == old else "changed"))
    with gradebook_errors(course), open_gradebook(course) as gradebook:
        for change in changes:
            if change.what != "unchanged":
                gradebook.update_or_create_student(
                    change.person.student,
                    first_name=change.person.first_name,
                    last_name=change.person.last_name,
                    email=change.person.email,
                    lms_user_id=change.person.lms_id,
                )
    listed = {change.person.student for change in changes}
    missing = [person for person in before if person.student not in listed]
    return changes + [Change(person, "not in the file") for person in missing]


def find(
    people: Iterable[Person],
    *,
    student: str = "",
    lms_id: str = "",
    email: str = "",
    name: str = "",
) -> Person | None:
    """The one of `people` who is told by the first of these that tells anybody.

    Raises CourseError where several people have that name.
    """
    people = list(people)
    for attribute, wanted in (("lms_id", lms_id), ("email", email), ("student", student)):
        if wanted:
            for person in people:
                if fold(getattr(person, attribute)) == fold(wanted):
                    return person
    named = [person for person in people if name and fold(name) in _spellings(person)]
    if len(named) > 1:
        ids = " and ".join(person.student for person in named)
        raise CourseError(f"there are several students of this name: {ids}")
    return named[0] if named else None


def _spellings(person: Person) -> set[str]:
    """How an LMS may write a person's name in a file's name."""
    both = fold(person.name), fold(f"{person.last_name} {person.first_name}")
    moodle = fold(DROPPED.sub("", person.name.replace("_", " ")))
    canvas = re.sub(r"\W", "", fold(person.last_name + person.first_name))
    return {*both, fold(f"{person.last_name}, {person.first_name}"), moodle, canvas}
