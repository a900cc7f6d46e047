"""Registry of supported learning management systems, and recognition of their files.

To add one, describe it in a file of its own (see `nbjudge.lms.base`) and list it here, before
`Plain`, which accepts every file.
"""

import functools

from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person, find_person
from nbjudge.core.tables import Table
from nbjudge.lms.base import Key, Lms
from nbjudge.lms.blackboard import Blackboard
from nbjudge.lms.brightspace import Brightspace
from nbjudge.lms.canvas import Canvas
from nbjudge.lms.downloads import File
from nbjudge.lms.gradescope import Gradescope
from nbjudge.lms.moodle import Moodle
from nbjudge.lms.plain import Plain
from nbjudge.lms.sakai import Sakai

LMSS: dict[str, Lms] = {
    lms.name: lms
    for lms in (
        Gradescope(),
        Sakai(),
        Brightspace(),
        Blackboard(),
        Moodle(),
        Canvas(),
        Plain(),
    )
}
"""All LMSs by name, in the order in which they are tried for a file."""


def lms_of_roster(table: Table) -> Lms:
    """The LMS of the roster `table`.  Raises CourseError if there is none."""
    for lms in LMSS.values():
        if lms.is_roster(table):
            return lms
    *exports, own = (lms.rosters for lms in LMSS.values())
    raise CourseError(
        f"{table.path} is not a roster: it must be an export of {', of '.join(exports)}, or have "
        f"{own}."
    )


def lms_of_download(files: list[File]) -> Lms:
    """The LMS of a download, recognized by its `files`."""
    return next(lms for lms in LMSS.values() if lms.is_download(files))


def lms_of_grade_file(table: Table) -> Lms:
    """The LMS of the file for grades `table`."""
    return next(lms for lms in LMSS.values() if lms.is_grade_file(table))


@functools.lru_cache(maxsize=10_000)
def any_spelling(person: Person) -> set[str]:
    """The spellings of the name of `person` in any LMS, folded."""
    return {spelling for lms in LMSS.values() for spelling in lms.spellings(person)}


def person_of(people: list[Person], key: Key | None) -> Person | None:
    """Whom of `people` a row in an LMS's file is about; None for nobody.

    Raises CourseError if it could be more than one.
    """
    if key is None:
        return None
    return find_person(
        people,
        lms_id=key.lms_id,
        email=key.email,
        student=key.student,
        name=key.name,
        spellings=any_spelling,
    )
