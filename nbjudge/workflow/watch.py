"""`nbjudge watch`: grading and feedback within seconds of a submission's arrival in submitted/.

It polls twice a second instead of using the system's notifications: submitted/ may be on another
machine, from which none arrive, and a file that is still being written has to be checked twice
anyway. Polling a thousand folders takes less than a tenth of a second.

The rules of course.toml apply to submissions as in `nbjudge collect`, so each new content is an
attempt, kept in collected/. As in `nbjudge grade`, the gradebook and the graded notebooks show what
has been graded, so there is no other state to lose at the end.
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

PAUSE = 0.5  # seconds between two polls
SETTLED = 1.0  # seconds without changes in a submission
PATIENCE = 20.0  # seconds that an incomplete notebook gets to become complete
AGAIN = 5.0  # seconds until a failed step is retried
MOST_FILES = 100  # of one submission that are checked
MOST_BYTES = 200_000_000  # of one submission
BEGAN = ".watched"

Signature = tuple[tuple[str, int, int, int], ...]
"""State of a folder: names, kinds, sizes, and times of change of its files."""

Told = Callable[[str], None]


@dataclass
class Watch:
    """State of the submissions of one assignment while it is watched.

    Raises CourseError if nothing could be graded: an unknown assignment, no release, no key.
    """

    course: Course
    assignment: str
    began: datetime = field(init=False)  # later files are submitted when they arrive
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
        """Students whose submission has changed and is complete; `now` in seconds, of any clock.

        One that is still being written is left for later.  After a build, or a change in
        course.toml, they are all ready again.  Raises CourseError if these do not match.
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
        """Apply the rules to submissions of `students`, grade those that count, write pages.

        Raises CourseError if that is not possible now; the same students are then ready again.
        """
        seen: dict[str, Signature | None] = {}
        for student in students:
            try:
                self._apply_rules(student, told)
            except (CourseError, OSError) as error:  # one folder must not block the others
                self._complain(student, f"not collected, will be retried: {error}", told)
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
        """Whether each notebook in `folder` is complete, to its last bracket."""
        limits = self.course.assignment(self.assignment).limits
        try:
            for one in intake.read_notebooks(folder, self.assignment, limits):
                json.loads(one.text)
        except (intake.Unreadable, ValueError, RecursionError):
            return False
        return True

    def _apply_rules(self, student: str, told: Told) -> None:
        """Keep the files in submitted/, and replace them by the submission that counts."""
        folder = self.course.submitted(student, self.assignment)
        if reason := _why_not_kept(folder):
            self._complain(student, f"ignored, because {reason}", told)
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
        """Report a problem with one student's folder, once."""
        if self._complaints.get(student) != words:
            self._complaints[student] = words
            told(f"{student}: {words}")

    def _note_time(self, student: str) -> None:
        """Write a new submission's time of arrival next to it, unless there is a time already.

        Submissions from before the first watch may be older than their files.
        """
        if collected.is_kept(self.course, student, self.assignment):
            return
        folder = self.course.submitted(student, self.assignment)
        zone = self.course.policies.zone(self.assignment)
        written, arrived = times.read_timestamp(folder, zone), _arrived(folder)
        earlier = collected.submissions(self.course, student, self.assignment)
        stamps = [times.read_timestamp(one.folder, zone) for one in earlier]
        before = [stamp.time or stamp.text for stamp in stamps if stamp is not None]
        is_told = (  # a time with an unknown zone counts as a time already there
            written is not None
            and written.latest is not None
            and (written.time or written.text) not in before
        )
        if not is_told and arrived is not None and arrived >= self.began:
            write_text(folder / times.TIMESTAMP, times.timestamp(arrived))

    def _give_feedback(self, record: Record, told: Told) -> None:
        page = self.course.feedback_page(record.student, self.assignment)
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
    """Poll and grade forever; KeyboardInterrupt ends it at any point without loss.

    executors: makes the workers, and makes them again if one of them has ended
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
                        if str(error) != complaint:  # once, however often it is retried
                            complaint = str(error)
                            told(f"not done, will be retried: {complaint}")
                time.sleep(pause)


def _works(executor: NotebookExecutor) -> bool:
    try:
        return executor.workers.submit(bool, 1).result()
    except BrokenExecutor:
        return False


def _began(course: Course, assignment: str) -> datetime:
    """The time when `assignment` was first watched."""
    path = course.collected("any", assignment).with_name(BEGAN)
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        now = datetime.now(UTC)
        write_text(path, f"{now.isoformat()}\n")
        return now


def _signature(folder: Path) -> Signature | None:
    """The signature of `folder`, which shows whether it has changed; None if it does not exist."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            return (_look("", folder),)
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        return tuple(_look(name, folder / name) for name in names[:MOST_FILES])
    except FileNotFoundError:
        return None
    except OSError as error:  # a change that `_why_not_kept` tells about
        return ((f"/{error.strerror}", 0, 0, 0),)


def _look(name: str, path: Path) -> tuple[str, int, int, int]:
    found = path.lstat()
    return name, stat.S_IFMT(found.st_mode), found.st_size, found.st_ctime_ns


def _why_not_kept(folder: Path) -> str:
    """Why `folder` cannot be kept as a submission; empty if it can."""
    if folder.is_symlink() or folder.parent.is_symlink():
        return "its folder is a link to another place"
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return intake.why_closed(error)
    if sum(size for _, _, size, _ in _signature(folder) or ()) > MOST_BYTES:
        return f"it is larger than {MOST_BYTES // 1_000_000} MB"
    if evidence.sendable(folder.parent.name) != folder.parent.name:
        return "the name of its folder is not in UTF-8"
    return ""


def _arrived(folder: Path) -> datetime | None:
    """The arrival time of the newest notebook in `folder`, by this machine's clock.

    That is the time of the file's last status change; the modification time can be set by whoever
    copies the file.
    """
    times = [path.lstat().st_ctime for path in folder.glob("*.ipynb")]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _outcome(record: Record) -> str:
    if record.status == "failed":
        return f"failed: {record.reason}"
    score = sum(verdict.score for verdict in record.verdicts)
    points = sum(verdict.points for verdict in record.verdicts if not verdict.is_extra)
    return f"{score:g} of {points:g} points"
