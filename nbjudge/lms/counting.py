"""Choice of the submission that counts by the rules of course.toml, and remarks on its time.

submitted/<student>/<assignment>/ is a copy of the one that counts, so it can be recreated if a
rule changes.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.times import IN_ZIP, in_words, read_timestamp
from nbjudge.lms.collected import Submission, adopt, read_origin, submissions


@dataclass(frozen=True)
class Outcome:
    """Outcome for one student's submission, or for a file that could not be placed."""

    who: str  # the student, or the file
    what: str  # "collected", "unchanged", "nothing submitted", "not placed"
    detail: str = ""
    is_problem: bool = False


def counting(course: Course, student: str, assignment: str) -> tuple[Submission | None, str]:
    """The submission that counts by the course's rules, and remarks on those that do not.

    Raises CourseError if an exception names a submission that does not exist.
    """
    policies = course.policies
    policy, exception = policies.of(assignment), policies.exception(student, assignment)
    found = submissions(course, student, assignment)
    if exception.attempt is not None:
        if exception.attempt > len(found):
            raise CourseError(f"course.toml names submission {exception.attempt} of {len(found)}")
        return found[exception.attempt - 1], f"submission {exception.attempt}, by an exception"
    in_time = [one for one in found if policies.is_accepted(student, assignment, one.time)]
    considered = in_time[: policy.attempts]
    notes = []
    if len(in_time) < len(found):
        notes.append(f"{len(found) - len(in_time)} too late to be accepted")
    if len(considered) < len(in_time):
        notes.append(f"{len(in_time) - len(considered)} beyond the {policy.attempts} allowed")
    if not considered:
        return None, ", ".join(notes)
    chosen = considered[-1 if policy.counts == "latest" else 0]
    if len(found) > 1:
        notes.insert(0, f"submission {found.index(chosen) + 1} of {len(found)} counts")
    return chosen, ", ".join(notes)


def apply_rules(course: Course, student: str, assignment: str) -> Outcome:
    """Put the submission that counts into submitted/<student>/<assignment>."""
    try:
        adopt(course, student, assignment)
        chosen, note = counting(course, student, assignment)
        return _put(course, student, assignment, chosen, note)
    except (CourseError, OSError) as error:
        return Outcome(student, "unchanged", told(error), True)


def told(error: Exception) -> str:
    """What went wrong with one student's files, without a period."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the submission'} cannot be read or written ({error.strerror})"
    return str(error).rstrip(".")


def _put(
    course: Course, student: str, assignment: str, chosen: Submission | None, note: str
) -> Outcome:
    place = course.submitted(student, assignment)
    if chosen is None and not note:  # it contains nothing that could be kept
        return Outcome(student, "unchanged", "", False)
    if chosen is None:
        if place.exists():
            shutil.rmtree(place)
        return Outcome(student, "not placed", note, True)
    notes = [note] if note else []
    late, is_problem = _late_note(course, student, assignment, chosen)
    detail = ", ".join([*notes, late] if late else notes)
    if place.is_dir() and _everything(place) == _everything(chosen.folder):
        return Outcome(student, "unchanged", detail, is_problem)
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{place.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(chosen.folder, aside)
    if place.exists():
        shutil.rmtree(place)
    aside.rename(place)
    return Outcome(student, "collected", detail, is_problem)


def _everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _late_note(
    course: Course, student: str, assignment: str, chosen: Submission
) -> tuple[str, bool]:
    """A remark on the time of `chosen`, and whether a person has to act on it."""
    policies = course.policies
    time = policies.exception(student, assignment).handed_in or chosen.time
    deadline = policies.deadline(student, assignment)
    if time is not None:
        is_late = deadline is not None and time > deadline
        return (f"late by {in_words(time - deadline)}" if deadline and is_late else ""), False
    matters = bool(why_unknown(course, student, assignment, chosen.folder))
    remedy = ": give its handed_in in an [[exception]]" if matters else ""
    if chosen.origin.is_late:
        return f"late, but the LMS does not say by how much{remedy}", matters
    stamp = read_timestamp(chosen.folder, policies.zone(assignment))
    is_in_zip = stamp is not None and stamp.text.endswith(IN_ZIP)
    if stamp is None or (is_in_zip and not stamp.may_be_after(deadline)):
        return "", False
    if is_in_zip:
        told = "exact submission time unknown: give the worksheet with --worksheet"
        return f"{told}, or{remedy.removeprefix(': give')}" if remedy else told, matters
    reason = "names no offset from UTC" if stamp.latest else "is no time"
    told = f"exact submission time unknown, because {stamp.text[:50]!r} {reason}"
    return told + remedy, matters


def why_unknown(course: Course, student: str, assignment: str, folder: Path | None = None) -> str:
    """Why the cost of lateness is unknown; "" if it is known, or if there is none.

    folder: the submission's folder, if not in submitted/
    """
    policies = course.policies
    folder = folder or course.submitted(student, assignment)
    origin = read_origin(folder)
    stamp = read_timestamp(folder, policies.zone(assignment))
    exception = policies.exception(student, assignment)
    is_known = exception.handed_in or origin.time or (stamp and stamp.time)
    if is_known or not policies.of(assignment).asks_for_times:
        return ""
    if origin.is_late:
        return "late by an unknown time"
    if stamp is not None and stamp.may_be_after(policies.deadline(student, assignment)):
        return "exact submission time unknown"
    return ""
