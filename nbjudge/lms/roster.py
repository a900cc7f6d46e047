"""Roster of the course's students, from an LMS's file."""

from dataclasses import replace

from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person, fold, folder_name
from nbjudge.core.tables import Table
from nbjudge.lms.registry import lms_of_roster


def read_roster(table: Table) -> list[Person]:
    """The students in an LMS's `table`, each with a unique gradebook name.

    Raises CourseError if the table is no roster, or two rows cannot be distinguished.
    """
    lms = lms_of_roster(table)
    people = lms.people(table)
    if not people:
        roles = dict.fromkeys(cells.role for cells in lms.columns.read(table) if cells.role)
        told = f"; the roles in it are {', '.join(roles)}" if roles else ""
        raise CourseError(f"{table.path} lists no students{told}.")
    _check_distinct(table, people)
    return _told_apart(people)


def _check_distinct(table: Table, people: list[Person]) -> None:
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
    """`people` with unique gradebook names: their ids are appended to names that occur twice."""
    names = [person.student for person in people]
    made = [
        replace(person, student=f"{person.student}-{folder_name(person.lms_id or person.email)}")
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
