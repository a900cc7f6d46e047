"""The learning management systems that are known, and which of them has made a file.

To add one, describe it in a file of its own (`nbjudge.lms.base` says how) and enter it here, before
`Plain`, which takes every file for its own.
"""

from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person
from nbjudge.core.tables import Table
from nbjudge.lms.base import Lms
from nbjudge.lms.canvas import Canvas
from nbjudge.lms.downloads import File
from nbjudge.lms.gradescope import Gradescope
from nbjudge.lms.moodle import Moodle
from nbjudge.lms.plain import Plain

LMSS: dict[str, Lms] = {
    lms.name: lms
    for lms in (
        Gradescope(),
        Moodle(),
        Canvas(),
        Plain(),
    )
}
"""Every LMS by its name, in the order in which they are asked whether a file is theirs."""


def lms_of_roster(table: Table) -> Lms:
    """The LMS whose roster `table` is.  Raises CourseError if it is none's."""
    for lms in LMSS.values():
        if lms.is_roster(table):
            return lms
    *exports, own = (lms.rosters for lms in LMSS.values())
    raise CourseError(
        f"{table.path} is not a roster: it must be an export of {', of '.join(exports)}, or have "
        f"{own}."
    )


def lms_of_download(files: list[File]) -> Lms:
    """The LMS that has named the `files` of a download."""
    return next(lms for lms in LMSS.values() if lms.is_download(files))


def lms_of_grade_file(table: Table) -> Lms:
    """The LMS whose file for grades `table` is."""
    return next(lms for lms in LMSS.values() if lms.is_grade_file(table))


def any_spelling(person: Person) -> set[str]:
    """How any LMS may write the name of `person`, folded."""
    return {spelling for lms in LMSS.values() for spelling in lms.spellings(person)}
