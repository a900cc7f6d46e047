"""`nbjudge watch`: grades what arrives in submitted/, and writes its feedback, within seconds.

It looks twice a second rather than asking the system to tell of changes: submitted/ may be a folder
of another machine, where the system tells nothing, and a file that is still being written has to be
looked at twice anyway. A look at a thousand folders takes less than a tenth of a second.

What has arrived goes through the rules of course.toml as if `nbjudge collect` had brought it, so
each new content is an attempt, kept in collected/. What was graded is known from the gradebook and
the graded notebooks, as `nbjudge grade` knows it, so there is nothing else to lose at the end.
"""

import json
import os
import stat
import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from nbjudge.core import times
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.gradebook import penalties
from nbjudge.judge import intake
from nbjudge.judge.answer_key import key_for_grading
from nbjudge.judge.verdicts import Record
from nbjudge.kernel import evidence
from nbjudge.lms import collected, counting
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import feedback, grade

PAUSE = 0.5  # seconds between two looks
SETTLED = 1.0  # seconds for which nothing of a submission has changed
PATIENCE = 20.0  # seconds that a notebook which is not whole gets to become so
AGAIN = 5.0  # seconds after which what did not work is tried again
MOST_FILES = 100  # of one submission that are looked at
MOST_BYTES = 200_000_000  # of one submission
BEGAN = ".watched"

Signature = tuple[tuple[str, int, int, int], ...]
"""What tells that a folder has changed: name, kind, size and time of change of its files."""

Told = Callable[[str], None]


@dataclass
class Watch:
    """What is known of the submissions of one assignment while it is watched.

    Raises CourseError where nothing could be graded: an unknown assignment, no release, no key.
    """

    course: Course
    assignment: str
    began: datetime = field(init=False)  # what arrives after this was handed in as it arrived
    _seen: dict[str, tuple[Signature, float]] = field(default_factory=dict)  # and since when
    _done: dict[str, Signature] = field(default_factory=dict)
    _complaints: dict[str, str] = field(default_factory=dict)
    _rules: Signature = field(init=False)  # of the answer key and course.toml, as they were read

    def __post_init__(self) -> None:
        self._rules = self._rules_now()
        self.course.assignment(self.assignment)
        key_for_grading(self.course, self.assignment)
        self.began = _began(self.course, self.assignment)

    def ready(self, now: float) -> list[str]:
        """The students whose submission has changed and is whole; `now` in seconds, of any clock.

        One that is still being written is left for a later look.  After a build, or a change in
        course.toml, they are all ready again.  Raises CourseError where these do not fit together.
        """
        if (rules := self._rules_now()) != self._rules:
            self.course = find_course(self.course.root)
            key_for_grading(self.course, self.assignment)
            self._rules = rules
            self._done.clear()
        found = []
        for student in self.course.students(self.assignment):
            folder = self.course.submitted(student, self.assignment)
            signature = _signature(folder)
            if signature is None or signature == self._done.get(student):
                continue
            before, since = self._seen.get(student, (None, now))
            if signature != before:
                self._seen[student] = signature, now
            elif now - since >= (SETTLED if self._is_whole(folder) else PATIENCE):
                found.append(student)
        return found

    def take(self, students: Iterable[str], executor: NotebookExecutor, told: Told) -> list[Record]:
        """Apply the course's rules to what `students` handed in, grade what counts, write pages.

        Raises CourseError where that is not possible now; the same students are ready again then.
        """
        seen: dict[str, Signature | None] = {}
        for student in students:
            try:
                self._apply_rules(student, told)
            except (CourseError, OSError) as error:  # one folder must not hold up the others
                self._complain(student, f"not taken, and tried again until it is: {error}", told)
                continue
            seen[student] = _signature(self.course.submitted(student, self.assignment))
        counting = [student for student in seen if self._counts(student)]

        def give_feedback(record: Record) -> None:
            self._give_feedback(record, told)

        records = grade.grade(
            self.course, self.assignment, executor, counting, progress=give_feedback
        )
        for student, signature in seen.items():
            self._seen.pop(student, None)
            if signature is not None:
                self._done[student] = signature
        return records

    def _rules_now(self) -> Signature:
        paths = (self.course.root / "course.toml", self.course.key(self.assignment) / "key.json")
        return tuple(_look(path.name, path) for path in paths if path.is_file())

    def _is_whole(self, folder: Path) -> bool:
        """Whether the notebook in `folder` is there to its last bracket."""
        limits = self.course.assignment(self.assignment).limits
        try:
            path = intake.find_notebook(folder, self.assignment)
            json.loads(intake.read_submission(path, limits))
        except (intake.Unreadable, ValueError, RecursionError):
            return False
        return True

    def _apply_rules(self, student: str, told: Told) -> None:
        """Make what lies in submitted/ what counts by the course's rules, and keep all of it."""
        folder = self.course.submitted(student, self.assignment)
        if reason := _why_not_kept(folder):
            self._complain(student, f"left alone, since {reason}", told)
            return
        self._note_time(student)
        outcome = counting.apply_rules(self.course, student, self.assignment)
        if outcome.detail:
            told(f"{student}: {outcome.detail}")
        self._complaints.pop(student, None)

    def _counts(self, student: str) -> bool:
        folder = self.course.submitted(student, self.assignment)
        return folder.is_dir() and not _why_not_kept(folder)

    def _complain(self, student: str, words: str, told: Told) -> None:
        """Tell what is wrong with one student's folder, once."""
        if self._complaints.get(student) != words:
            self._complaints[student] = words
            told(f"{student}: {words}")

    def _note_time(self, student: str) -> None:
        """Write when a new submission arrived next to it, unless somebody else has.

        What lay here before it was watched for the first time may be older than its files.
        """
        if collected.is_kept(self.course, student, self.assignment):
            return
        folder = self.course.submitted(student, self.assignment)
        zone = self.course.policies.zone(self.assignment)
        written, arrived = times.read_timestamp(folder, zone), _arrived(folder)
        earlier = collected.submissions(self.course, student, self.assignment)
        stamps = [times.read_timestamp(one.folder, zone) for one in earlier]
        before = [stamp.time or stamp.text for stamp in stamps if stamp is not None]
        is_told = (  # a time whose zone nobody knows is somebody's word too
            written is not None
            and written.latest is not None
            and (written.time or written.text) not in before
        )
        if not is_told and arrived is not None and arrived >= self.began:
            write_text(folder / times.TIMESTAMP, times.timestamp(arrived))

    def _give_feedback(self, record: Record, told: Told) -> None:
        page = self.course.feedback(record.student, self.assignment) / f"{self.assignment}.html"
        graded = self.course.autograded_notebook(record.student, self.assignment)
        if not graded.is_file() or (
            page.is_file() and page.stat().st_mtime_ns > graded.stat().st_mtime_ns
        ):
            return
        penalties.refresh(self.course, self.assignment, [record.student])
        _, complaints = feedback.write_feedback(self.course, self.assignment, record.student)
        told(complaints[0] if complaints else f"{record.student}: {_outcome(record)}")


def run(
    watches: list[Watch],
    executors: Callable[[], AbstractContextManager[NotebookExecutor]],
    told: Told,
) -> None:
    """Look and take for ever; KeyboardInterrupt ends it at any point without loss.

    executors: makes the workers, and makes them anew where one of them has ended
    """
    complaint = ""
    while True:
        with executors() as executor:
            while _works(executor):
                pause = PAUSE
                for watch in watches:
                    try:
                        if students := watch.ready(time.monotonic()):
                            watch.take(students, executor, told)
                            complaint = ""
                    except (CourseError, OSError) as error:
                        pause = AGAIN
                        if str(error) != complaint:  # once, however often it is tried
                            complaint = str(error)
                            told(f"not done, and tried again until it is: {complaint}")
                time.sleep(pause)


def _works(executor: NotebookExecutor) -> bool:
    try:
        return executor.workers.submit(bool, 1).result()
    except BrokenExecutor:
        return False


def _began(course: Course, assignment: str) -> datetime:
    """When `assignment` was watched for the first time."""
    path = course.collected("any", assignment).with_name(BEGAN)
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        now = datetime.now(UTC)
        write_text(path, f"{now.isoformat()}\n")
        return now


def _signature(folder: Path) -> Signature | None:
    """What tells whether `folder` has changed; None where there is nothing."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            return (_look("", folder),)
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        return tuple(_look(name, folder / name) for name in names[:MOST_FILES])
    except OSError:
        return None


def _look(name: str, path: Path) -> tuple[str, int, int, int]:
    found = path.lstat()
    return name, stat.S_IFMT(found.st_mode), found.st_size, found.st_ctime_ns


def _why_not_kept(folder: Path) -> str:
    """Why `folder` cannot be kept as a submission; empty where it can."""
    if folder.is_symlink() or folder.parent.is_symlink():
        return "its folder is a link to another place"
    if sum(size for _, _, size, _ in _signature(folder) or ()) > MOST_BYTES:
        return f"it is larger than {MOST_BYTES // 1_000_000} MB"
    if evidence.sendable(folder.parent.name) != folder.parent.name:
        return "the name of its folder is not in UTF-8"
    return ""


def _arrived(folder: Path) -> datetime | None:
    """When the newest notebook in `folder` came to be there, by this machine's clock.

    That is the time of the file's last change of status: the time of its contents can be chosen
    by whoever copies it.
    """
    times = [path.lstat().st_ctime for path in folder.glob("*.ipynb")]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _outcome(record: Record) -> str:
    if record.status == "failed":
        return f"failed: {record.reason}"
    score = sum(verdict.score for verdict in record.verdicts)
    points = sum(verdict.points for verdict in record.verdicts if not verdict.is_extra)
    return f"{score:g} of {points:g} points"
