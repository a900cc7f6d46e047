"""The gradebook's table of students."""

import dataclasses
from dataclasses import dataclass, replace

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import LONGEST_NAME
from nbjudge.core.people import Person, find_person, folder_name
from nbjudge.gradebook.connection import (
    gradebook_errors,
    in_one_transaction,
    open_gradebook,
    read_gradebook,
)
from nbjudge.gradebook.rows import has_gradebook
from nbjudge.shared.command_line import did_you_mean

WORDS = {
    "student": "the name in the gradebook",
    "first_name": "a first name",
    "last_name": "a last name",
    "email": "an e-mail",
    "lms_id": "the LMS's id",
}


@dataclass(frozen=True)
class Change:
    """Effect of a roster on one student."""

    person: Person
    what: str  # "added", "changed", "unchanged", "not in the file"


def known_students(course: Course) -> list[Person]:
    """The students in the course's gradebook, by name; none if there is no gradebook yet."""
    if not has_gradebook(course):
        return []
    with gradebook_errors(course), read_gradebook(course) as gradebook:
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


def exceptions_of_nobody(course: Course) -> list[str]:
    """A sentence on each exception in course.toml for a student whom the gradebook does not know.

    Before the first roster there are none: nobody is known yet.
    """
    known = [person.student for person in known_students(course)]
    return [
        f"course.toml has an [[exception]] for {one.student!r}, {one.assignment}, who is not in "
        f"the gradebook{did_you_mean(one.student, known) or '.'}"
        for one in course.policies.exceptions
        if known and one.student not in known
    ]


def enter(course: Course, people: list[Person]) -> list[Change]:
    """Enter `people` in the gradebook, all or nobody; nobody is ever removed.

    Students already known, by LMS id or else by e-mail, keep their gradebook name.

    Raises CourseError if a name, an e-mail or an id is longer than the gradebook takes.
    """
    before = known_students(course)
    changes = [_change(before, person) for person in people]
    for change in changes:
        _check_lengths(change.person)
    with (
        gradebook_errors(course),
        open_gradebook(course) as gradebook,
        in_one_transaction(gradebook),
    ):
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


def _check_lengths(person: Person) -> None:
    for what, text in dataclasses.asdict(person).items():
        if len(text) > LONGEST_NAME:
            raise CourseError(
                f"{text[:40]}… ({WORDS[what]}) has {len(text)} characters, and the gradebook takes "
                f"{LONGEST_NAME} at most: shorten it in the file. Nobody was entered."
            )


def _change(before: list[Person], person: Person) -> Change:
    """The change that entering `person` makes to the students `before`."""
    old = find_person(before, lms_id=person.lms_id) or find_person(before, email=person.email)
    same_name = find_person(before, student=person.student)
    if old is None and not (person.lms_id or person.email):
        old = _of_this_name(before, person)  # the file has nothing else
    elif old is None and same_name is not None and not (same_name.lms_id or same_name.email):
        old = same_name  # known from a submission only
    elif old is None and same_name is not None:
        suffix = folder_name(person.lms_id or person.email or person.name)
        person = replace(person, student=f"{person.student}-{suffix}")
    if old is None:
        return Change(person, "added")
    person = replace(
        person,  # what this file does not say is kept
        student=old.student,
        email=person.email or old.email,
        lms_id=person.lms_id or old.lms_id,
    )
    return Change(person, "unchanged" if person == old else "changed")


def _of_this_name(before: list[Person], person: Person) -> Person | None:
    """The one who is called like `person`, whose file has neither ids nor e-mails."""
    same = find_person(before, student=person.student)
    return same or find_person(before, name=person.name)
