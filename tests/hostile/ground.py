"""The ground on which the bank is graded: what is set up before, and what is found after."""

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy
from course import (
    IN_ENVIRONMENT,
    IN_FILE,
    IN_SUBMISSION,
    MARKER,
    PLACES,
    SYSV_KEY,
    TOUCHED,
    plant_in_gradebook,
    plant_in_home,
    write_hostile_course,
)
from entries import WORDS, Desk, Entry
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook
from small_course import NAME, cell_named

import lmlib
from nbjudge import cli
from nbjudge.core.course import Course, find_course
from nbjudge.core.files import digest
from nbjudge.core.notebooks import read_notebook
from nbjudge.judge.verdicts import Record, attached
from nbjudge.kernel.evidence import sendable
from nbjudge.sandbox import engine
from nbjudge.sandbox.isolation import Isolation

NEIGHBOURS = ("aaron", "emmy", "gauss", "jean", "maria", "nina", "rosa", "tim", "uma", "zoe")
"""Honest students, among the entries by the alphabet; the first one's answer holds a canary."""

LONGEST = 900
"""Seconds after which a command counts as hanging."""

KEPT = ("source", "key", "mistakes", "submitted", "release", "course.toml", "nbgrader_config.py")
"""What of the course no grading changes."""

PROBE = """
import glob, json, os, socket
def read(path):
    try:
        return open(path, "rb").read().decode("utf-8", "replace")
    except OSError:
        return ""
try:
    socket.create_connection(("127.0.0.1", PORT), timeout=1)
    reached = ["a listener"]
except OSError:
    reached = []
print(json.dumps({
    "files to read": [path for path in PATHS if os.path.exists(path)],
    "folders to write to": [path for path in FOLDERS if os.access(path, os.W_OK)],
    "processes of others": [p for p in glob.glob("/proc/[0-9]*/cmdline") if read(p) == LINE],
    "network": reached,
}))
"""


def open_walls(folder: Path) -> list[str]:
    """What a harmless notebook finds open.  Nothing hostile may run where that is anything."""
    canary = folder / "canary"
    canary.write_text("tweet")
    writable = [Path(module.__file__).parent for module in (lmlib, numpy)]
    writable += [Path("/etc"), Path("/usr"), Path(sys.prefix), Path(sys.base_prefix)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = {
            "PORT": listener.getsockname()[1],
            "PATHS": [str(canary), __file__],
            "FOLDERS": [str(path) for path in writable],
            "LINE": Path("/proc/self/cmdline").read_bytes().decode("utf-8", "replace"),
        }
        source = PROBE
        for word, value in words.items():
            source = source.replace(word, repr(value))
        notebook = new_notebook(cells=[new_code_cell(source, id="probe")])
        run = engine.run(engine.Task(json.dumps(notebook)), Isolation())
    (cell,) = nbformat.reads(run.notebook, as_version=4).cells
    try:
        found = json.loads(cell.outputs[0].text)
    except (AttributeError, IndexError, ValueError):
        return [f"the probe did not run: {cell.outputs} {run.stopped}"]
    return [f"{what}: {which}" for what, which in found.items() if which]


@dataclass(frozen=True)
class Command:
    """One run of the command `lmlib`."""

    exit_code: int | None  # None: it hung
    output: str
    seconds: float
    peak: int  # bytes of memory that it, or a worker of its own, took


@dataclass(frozen=True, repr=False)  # its notebooks would fill a screen
class Batch:
    """Everything that was found when the bank had been graded."""

    course: Course
    grading: Command
    feedback: Command
    records: dict[str, Record]
    gradebook: dict[str, dict[str, float | None]]  # student → grade cell → points
    changed: list[str]  # paths that are not as they were
    left: list[str]  # files, memory and the like that were left on this machine
    survivors: list[str]  # processes
    connections: list[str]  # to listeners on this machine
    pages: dict[str, str] = field(default_factory=dict)
    notebooks: dict[str, str] = field(default_factory=dict)


def grade_bank(folder: Path, entries: list[Entry]) -> Batch:
    """Hand in `entries` and honest neighbours, grade them in one batch, write their feedback."""
    course = write_hostile_course(folder / "c")
    assert cli.main(["--course", str(course.root), "build"]) == 0
    course = find_course(course.root)
    home = plant_in_home(folder / "home")
    temporary = folder / "t"
    temporary.mkdir()
    plant_in_gradebook(course, NEIGHBOURS[0])
    with _listeners(folder / "socket") as (words, connections):
        words |= {"COURSE": str(course.root), "GRADERHOME": str(home), "TEMPORARY": str(temporary)}
        for student in NEIGHBOURS:
            _hand_in_neighbour(course, student)
        for entry in entries:
            entry.make(Desk(course, entry.student, words))
        before = _state(course, home)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "COLUMNS": "1000",
            "COURSE_SECRET": IN_ENVIRONMENT,
        }
        with _orphans_adopted() as survivors:
            grading = _lmlib(course, environment, "grade", NAME, "--jobs", "2")
        left = [str(path.relative_to(folder)) for path in temporary.iterdir()] + _left_behind(home)
        feedback = _lmlib(course, environment, "feedback", NAME)
    after = _state(course, home)
    changed = [path for path in sorted(before | after) if before.get(path) != after.get(path)]
    students = [*NEIGHBOURS, *(entry.student for entry in entries)]
    return Batch(
        course=course,
        grading=grading,
        feedback=feedback,
        records=_records(course, students, grading.output),
        gradebook=_gradebook(course),
        changed=changed,
        left=left,
        survivors=survivors,
        connections=connections,
        pages={student: _read(course.feedback(student, NAME) / f"{NAME}.html")
               for student in students},
        notebooks={student: _read(course.autograded_notebook(student, NAME))
                   for student in students},
    )  # fmt: skip


def _hand_in_neighbour(course: Course, student: str) -> None:
    desk = Desk(course, student, WORDS)
    notebook = desk.notebook()
    if student == NEIGHBOURS[0]:
        cell_named(notebook, "answer_task").source = f"Because of {IN_SUBMISSION}."
    desk.hand_in(notebook)
    desk.write("data.csv", f"{IN_FILE},\n" * 100)


@contextlib.contextmanager
def _listeners(path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Listeners of this machine; the words by which entries know them, and who connected."""
    name = f"hostile-{secrets.token_hex(8)}"
    connections: list[str] = []
    waiting = {
        "the port": socket.create_server(("127.0.0.1", 0)),
        "the socket": socket.socket(socket.AF_UNIX),
        "the abstract socket": socket.socket(socket.AF_UNIX),
    }
    waiting["the socket"].bind(str(path))
    waiting["the abstract socket"].bind(f"\0{name}")

    def accept(what: str, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is closed in the end
            while True:
                connection, _ = listener.accept()
                connection.close()
                connections.append(what)

    for what, listener in waiting.items():
        listener.listen()
        threading.Thread(target=accept, args=(what, listener), daemon=True).start()
    port = str(waiting["the port"].getsockname()[1])
    try:
        yield {**WORDS, "PORT": port, "SOCKET": str(path), "ABSTRACT": name}, connections
    finally:
        for listener in waiting.values():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@contextlib.contextmanager
def _orphans_adopted() -> Iterator[list[str]]:
    """Make every process that is left by what runs inside a child of ours; list and end these."""
    subreaper = 36  # of prctl(2)
    libc = ctypes.CDLL(None)
    before = _children()
    survivors: list[str] = []
    libc.prctl(subreaper, 1, 0, 0, 0)
    try:
        yield survivors
        deadline = time.monotonic() + 30  # one that was killed may take a moment to end
        while set(_children()) - set(before) and time.monotonic() < deadline:
            time.sleep(0.1)
        left = {number: line for number, line in _children().items() if number not in before}
        survivors += [f"{number}: {line}" for number, line in left.items()]
        for number in left:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
    finally:
        libc.prctl(subreaper, 0, 0, 0, 0)


def _children() -> dict[int, str]:
    """The command lines of our children that have not ended, by their numbers."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                line = (path.parent / "cmdline").read_bytes()
                found[int(path.parent.name)] = line.replace(b"\0", b" ").decode("utf-8", "replace")
    return found


def _lmlib(course: Course, environment: dict[str, str], *words: str) -> Command:
    line = [sys.executable, "-m", "nbjudge.cli", "--course", str(course.root), *words]
    begin = time.monotonic()
    with subprocess.Popen(
        line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, cwd=course.root,
    ) as process:  # fmt: skip
        peak: list[int] = [0]
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        try:
            output, _ = process.communicate(timeout=LONGEST)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            output, code = b"", None
    return Command(code, output.decode("utf-8", "replace"), time.monotonic() - begin, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    """Note the most memory that `process` or a fork of it has taken, until it ends."""
    while process.poll() is None:
        with contextlib.suppress(OSError, IndexError, ValueError):
            own = Path(f"/proc/{process.pid}")
            children = (own / "task" / own.name / "children").read_text().split()
            for path in (own, *(Path("/proc") / child for child in children)):
                if (path / "cmdline").read_bytes() == (own / "cmdline").read_bytes():
                    status = (path / "status").read_text()
                    peak[0] = max(peak[0], int(status.split("VmHWM:")[1].split()[0]) * 1024)
        time.sleep(0.2)


def _state(course: Course, home: Path) -> dict[str, str]:
    """What every file is that no grading changes: its kind, and a digest of what it holds."""
    roots = [*(course.root / name for name in KEPT), home / ".ssh"]
    paths = [path for root in roots for path in (root, *root.rglob("*"))]
    state = {str(path): _digest(path) for path in paths}
    times = {path: str(os.stat(path).st_mtime_ns) for path in TOUCHED if os.path.exists(path)}
    return state | times


def _digest(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"a link to {os.readlink(path)}"
    return f"{mode} {digest(path.read_bytes()) if stat.S_ISREG(mode) else ''}"


def _left_behind(home: Path) -> list[str]:
    """Files with the marker in their names, and System V objects with the key."""
    places = {home, *(Path(place) for place in PLACES)}
    for module in (lmlib, numpy):
        here = Path(module.__file__).parent
        places |= {here, here.parent, here / "nbjudge", here / "__pycache__"}
    places |= {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).parent}
    found = []
    for place in places:
        with contextlib.suppress(OSError):
            found += [str(place / name) for name in os.listdir(place) if MARKER in name]
    for path in Path("/proc/sysvipc").glob("*"):
        keys = [line.split()[0] for line in path.read_text().splitlines()[1:]]
        found += [f"{path}: {key}" for key in keys if int(key) == SYSV_KEY]
    return found


def _records(course: Course, students: list[str], output: str) -> dict[str, Record]:
    records = {}
    for student in students:
        path = course.autograded_notebook(student, NAME)
        shown = f"{sendable(student)}: failed: "
        if path.is_file():
            record = attached(read_notebook(path))
            if record is not None and record.student == student:
                records[student] = record
        elif shown in output:
            reason = output.partition(shown)[2].partition("\n")[0].strip()
            records[student] = Record(NAME, student, "failed", reason)
    return records


def _gradebook(course: Course) -> dict[str, dict[str, float | None]]:
    with Gradebook(course.gradebook_url) as gradebook:
        found: dict[str, dict[str, float | None]] = {one.id: {} for one in gradebook.students}
        for submission in gradebook.assignment_submissions(NAME):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    found[submission.student.id][grade.name] = grade.auto_score
    return found


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
