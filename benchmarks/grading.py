"""Speed of `nbjudge grade`: the same submissions, graded by stock nbgrader and by nbjudge in turn.

    .venv/bin/python benchmarks/grading.py                   # half an hour on two cores
    .venv/bin/python benchmarks/grading.py --only stock      # one comparison
    .venv/bin/python benchmarks/grading.py --students 8 --chunks 2 --course demo

prints the machine's facts and a table in Markdown.  There are four comparisons:

| | in turn | on |
|---|---|---|
| stock | `nbgrader autograde` of stock nbgrader, and `nbjudge grade --jobs 2` | 40 in 2 chunks |
| skipping | the same, but stock is told which cells nbjudge does not run | 40 in 2 chunks |
| warm | `nbjudge grade --warm off` and `--warm on`, both with `--jobs 2` | 16 in 2 chunks |
| jobs | `nbjudge grade --jobs 1` and `--jobs 2` | 40 in 2 chunks |

**Submissions.**  Those of `nbjudge demo`: right ones, one known mistake each, a blank one, some
with cells of their own.  Nothing is random.  The broken file among them would end stock
nbgrader's run, so a right submission replaces it on both sides: both grade every notebook.

**Noise.**  The submissions are dealt into similar chunks.  Each chunk is graded by one
side and then by the other, and the next chunk in the opposite order, so that a noisy machine and
a cold cache hit both.  The ratio is that of the summed times; next to it stand the smallest and
the largest ratio of a chunk.  CPU seconds are of all processes, also of
kernels that were killed: from a control group, or by looking (`processor_time.py`); noise moves
them less.

**Fairness.**  Each side has a separate course folder.  Stock's has a plain nbgrader_config.py:
nbgrader's own preprocessors and execution.  Both do equal work, except for the second point:

- One process grades a whole chunk, so that stock pays for its start only once a chunk.
  `submitted/` holds this chunk and nothing else; nbgrader grades whatever it finds there.
- Cells tagged `training`, experiments that no test needs, are not run by nbjudge.  Stock runs them,
  as it does by default; in the comparison `skipping` it is told not to
  (`Execute.skip_cells_with_tag`).
- The notebook runs in the profile `smoke`, with one thread for BLAS, in both.
- Hidden tests are the same, without the KEY regions that nbgrader does not know.  `observe` is
  told that a judge listens; otherwise stock's tests would stop before they call any of the
  student's code.  What they send stays in stock's outputs, unread: only nbjudge compares.
- nbgrader cannot grade in parallel; `--jobs 2` is nbjudge's own.  The comparison `jobs` shows how
  much of the ratio that is.

Afterwards every submission must have its autograded notebook, right ones full marks from nbjudge,
and stock's outputs must contain what their hidden tests have sent.

**Memory** is the peak of what all processes of a side use together, sampled five times a
second: the sum of their PSS (proportional set size), in which pages that forked processes share
are counted once.  If the system does not report PSS, it is USS, otherwise RSS.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import processor_time
import psutil  # type: ignore[import-untyped]
from nbformat import NotebookNode

from nbjudge.authoring import demo
from nbjudge.authoring.demo import Invented
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import is_test, notebook_text, read_notebook, without_region
from nbjudge.judge.answer_key import key_for_grading
from nbjudge.judge.verdicts import attached
from nbjudge.kernel import evidence
from nbjudge.kernel.observe import JUDGE_LISTENS
from nbjudge.sandbox import engine

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "ps1_rnn_sampling"
COMPARISONS = ("stock", "skipping", "warm", "jobs")
LOOK_EVERY = 0.2  # seconds, at the memory of a side's processes
FULL_MARKS = ("everything right", "right, with cells of their own")

STOCK_CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = {cell_seconds:.0f}
"""
SKIPPING = f"c.Execute.skip_cells_with_tag = {engine.NOT_RUN!r}\n"

STOCK_ENVIRONMENT = {
    "LMLIB_PROFILE": "smoke",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    JUDGE_LISTENS: "1",
}
"""The engine's settings for its kernels, as far as they change how much a notebook computes."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: a command, run in a course folder of its own."""

    name: str
    course: Course
    command: tuple[str, ...]
    is_stock: bool = False


@dataclass(frozen=True)
class Measured:
    """What grading one chunk, or several, has cost."""

    submissions: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0  # bytes

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            self.submissions + other.submissions,
            self.seconds + other.seconds,
            self.cpu + other.cpu,
            max(self.peak, other.peak),
        )


def main() -> None:
    """Run the comparisons that were asked for, and print what they show."""
    options = _options()
    _find_alembic()
    facts = machine()
    with _work_folder(options.keep) as work:
        built = built_course(work / "course", options.course)
        rows = []
        for name in [options.only] if options.only else COMPARISONS:
            students, chunks = size(name, options.students, options.chunks)
            chunked = deal(invent(built, students), chunks)
            rows += compare(*sides_of(name, built, work), chunked)
    print(facts, table(rows), sep="\n\n")


def _find_alembic() -> None:
    """Put this Python's programs on the PATH: stock nbgrader calls alembic by name."""
    programs = str(Path(sys.executable).parent)
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare how fast stock nbgrader and nbjudge grade; see the top of this file."
    )
    parser.add_argument("--students", type=int, default=40, metavar="N")
    parser.add_argument("--chunks", type=int, default=2, metavar="N")
    parser.add_argument("--only", choices=COMPARISONS, help="one comparison (default: all)")
    parser.add_argument("--course", type=Path, metavar="FOLDER",
                        help="a course or demo that this nbjudge has built; it is only read "
                        "(default: build one, which takes minutes)")  # fmt: skip
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="an empty folder to work in, kept afterwards")  # fmt: skip
    options = parser.parse_args()
    if min(options.students, options.chunks) < 1:
        parser.error("--students and --chunks are numbers from 1 on")
    return options


@contextmanager
def _work_folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nbjudge-benchmark-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise SystemExit(f"{keep} is not empty; name another folder with --keep.")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.resolve()


def size(comparison: str, students: int, chunks: int) -> tuple[int, int]:
    """The number of submissions in a comparison, and of its chunks."""
    return (max(1, students * 2 // 5) if comparison == "warm" else students), chunks


# ---- courses and submissions


def built_course(folder: Path, given: Path | None) -> Course:
    """A course in `folder` with release and key: a copy of the `given` one, or a new one."""
    if given is None:
        note("building the course")
        demo.prepare(find_course(ROOT), folder)
        run(nbjudge_command("build", ASSIGNMENT), folder)
    else:
        graded = shutil.ignore_patterns("submitted", "autograded", "feedback", ".git", ".venv")
        shutil.copytree(find_course(given).root, folder, ignore=graded)
    course = find_course(folder)
    try:
        key_for_grading(course, ASSIGNMENT)
    except CourseError as error:
        raise SystemExit(f"{given or folder} cannot be used: {error}") from error
    return course


def invent(course: Course, students: int) -> list[Invented]:
    """The demo's class, with a right submission instead of each broken file."""
    invented = demo.invent_class(course, ASSIGNMENT, students)
    (right, *_) = (one for one in invented if one.handed_in == FULL_MARKS[0])
    return [
        one
        if _is_json(one.text)
        else dataclasses.replace(one, handed_in=right.handed_in, text=right.text)
        for one in invented
    ]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def deal(invented: list[Invented], chunks: int) -> list[list[Invented]]:
    """`invented` dealt into chunks like cards, so that every chunk holds some of each kind."""
    return [chunk for start in range(chunks) if (chunk := invented[start::chunks])]


def sides_of(comparison: str, built: Course, work: Path) -> tuple[Side, Side]:
    """The two sides of a comparison, each with a course folder of its own below `work`."""
    if comparison in ("stock", "skipping"):
        words = (sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT)
        is_skipping = comparison == "skipping"
        course = stock_course(built, work / comparison, SKIPPING if is_skipping else "")
        name = "stock `nbgrader autograde`" + (", told what to skip" if is_skipping else "")
        stock = Side(name, course, words, is_stock=True)
        return stock, our_side(built, work / f"beside-{comparison}", "--jobs", "2")
    if comparison == "warm":
        common = ("--jobs", "2", "--warm")
        off = our_side(built, work / "warm-off", *common, "off")
        return off, our_side(built, work / "warm-on", *common, "on")
    one = our_side(built, work / "jobs-1", "--jobs", "1")
    return one, our_side(built, work / "jobs-2", "--jobs", "2")


def our_side(built: Course, folder: Path, *words: str) -> Side:
    shutil.copytree(built.root, folder)
    name = f"`{' '.join(('nbjudge grade', *words))}`"
    return Side(name, find_course(folder), nbjudge_command("grade", ASSIGNMENT, *words))


def nbjudge_command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "nbjudge.cli", *words)


def stock_course(built: Course, folder: Path, settings: str) -> Course:
    """A course in `folder` for nbgrader alone, and its release.

    Its notebook begins with the cell that installs lmlib, as the submissions do.
    """
    source = read_notebook(built.source(ASSIGNMENT))
    for cell in source.cells:
        cell.source = without_region(cell.source, "KEY")
    source.cells.insert(0, read_notebook(built.release(ASSIGNMENT)).cells[0])
    write_text(folder / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", notebook_text(source))
    seconds = built.assignment(ASSIGNMENT).limits.cell_seconds
    config = STOCK_CONFIG.format(cell_seconds=seconds) + settings
    write_text(folder / "nbgrader_config.py", config)
    run((sys.executable, "-m", "nbgrader", "generate_assignment", ASSIGNMENT), folder)
    return dataclasses.replace(built, root=folder)


# ---- measuring


def compare(
    first: Side, second: Side, chunks: list[list[Invented]]
) -> list[tuple[Side, list[Measured]]]:
    """Both sides with what each chunk has cost them; they take turns in going first."""
    costs: dict[str, list[Measured]] = {first.name: [], second.name: []}
    for number, chunk in enumerate(chunks, start=1):
        for side in (first, second) if number % 2 else (second, first):
            cost = grade(side, chunk)
            costs[side.name].append(cost)
            done = f"chunk {number} of {len(chunks)}, {len(chunk)} submissions"
            note(f"{side.name}: {done}: {cost.seconds:.1f} s, {cost.peak / 1e6:.0f} MB")
    return [(first, costs[first.name]), (second, costs[second.name])]


def grade(side: Side, chunk: list[Invented]) -> Measured:
    """Hand in the chunk, have the side grade it, and check that it has."""
    shutil.rmtree(side.course.root / "submitted", ignore_errors=True)
    demo.hand_in(side.course, ASSIGNMENT, chunk)
    environment = STOCK_ENVIRONMENT if side.is_stock else {}
    measured = run(side.command, side.course.root, environment)
    for one in chunk:
        check_graded(side, one)
    return dataclasses.replace(measured, submissions=len(chunk))


def run(
    command: tuple[str, ...], folder: Path, environment: dict[str, str] | None = None
) -> Measured:
    """Run `command` in `folder`, and measure it.  Ends the benchmark if it fails.

    Settings of Jupyter's and IPython's that the user may have at home count for no side.
    """
    settings = folder / ".settings"
    settings.mkdir(exist_ok=True)
    aside = {name: str(settings) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    log = folder / "benchmark.log"
    with log.open("ab") as output:
        start, count = time.perf_counter(), processor_time.counter()
        with processor_time.started(
            command,
            count,
            cwd=folder,
            env={**os.environ, **aside, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process:
            peak = _peak_until_end(process)
            seconds, cpu = time.perf_counter() - start, count.seconds()
    if process.returncode:
        last = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise SystemExit(f"{last}\nThis failed, see above: {' '.join(command)}")
    return Measured(seconds=seconds, cpu=cpu, peak=peak)


def _peak_until_end(process: subprocess.Popen[bytes]) -> int:
    """The most memory that `process` and all below it use, until it ends; in bytes."""
    peak = 0
    while True:
        try:
            process.wait(LOOK_EVERY)
        except subprocess.TimeoutExpired:
            peak = max(peak, _memory_of_tree(process.pid))
        else:
            return peak


def _memory_of_tree(pid: int) -> int:
    try:
        top = psutil.Process(pid)
        return sum(map(_memory, [top, *top.children(recursive=True)]))
    except psutil.NoSuchProcess:
        return 0


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    except psutil.AccessDenied:
        return _resident(process)
    except psutil.Error:  # it has just ended
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


# ---- was the work done?


def check_graded(side: Side, one: Invented) -> None:
    """End the benchmark unless the side has graded this submission."""
    path = side.course.autograded_notebook(one.student, ASSIGNMENT)
    notebook = read_notebook(path)  # raises CourseError if it is not there
    is_right = one.handed_in in FULL_MARKS
    good = _ran_tests(notebook, is_right) if side.is_stock else _judged(notebook, is_right)
    if not good:
        raise SystemExit(f"{side.name} has not really graded {one.student} ({one.handed_in}).")


def _ran_tests(notebook: NotebookNode, is_right: bool) -> bool:
    """Whether all hidden tests ran, and those of a right submission to their ends."""
    tests = [cell for cell in notebook.cells if is_test(cell)]
    ran = bool(tests) and all(cell.execution_count for cell in tests)
    return ran and (not is_right or all(map(_sent_evidence, tests)))


def _sent_evidence(cell: NotebookNode) -> bool:
    """Whether what the tests saw of the student's code is in the outputs, and no error."""
    is_sent = any(evidence.MIME in output.get("data", ()) for output in cell.outputs)
    return is_sent and all(output.output_type != "error" for output in cell.outputs)


def _judged(notebook: NotebookNode, is_right: bool) -> bool:
    """Whether the submission was graded, and a right one has full marks."""
    record = attached(notebook)
    if record is None or record.status != "graded" or not record.verdicts:
        return False
    return not is_right or all(verdict.score == verdict.points for verdict in record.verdicts)


# ---- telling


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> str:
    """The machine and the versions, in a line."""
    versions = ", ".join(f"{name} {_version(name)}" for name in ("nbgrader", "numpy", "torch"))
    load = f"load {os.getloadavg()[0]:.1f} before the run"
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()}, "
        f"Python {platform.python_version()}, {versions}, {load}"
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def table(rows: list[tuple[Side, list[Measured]]]) -> str:
    """The table in Markdown: two rows a comparison, the second with how much faster it was."""
    lines = [
        "| | submissions | per minute | speed-up | by chunk | CPU s each | peak memory |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for (first, before), (second, after) in zip(rows[::2], rows[1::2], strict=True):
        lines += [_row(first, before, "1", ""), _row(second, after, *_ratio(before, after))]
    return "\n".join(lines)


def _row(side: Side, costs: list[Measured], ratio: str, spread: str) -> str:
    total = sum(costs, Measured())
    cells = (
        side.name,
        f"{total.submissions}",
        f"{60 * total.submissions / total.seconds:.1f}",
        ratio,
        spread,
        f"{total.cpu / total.submissions:.1f}",
        f"{total.peak / 1e6:.0f} MB",
    )
    return f"| {' | '.join(cells)} |"


def _ratio(before: list[Measured], after: list[Measured]) -> tuple[str, str]:
    """How much faster `after` is, over all, and the smallest and the largest of the chunks."""
    whole = sum(before, Measured()).seconds / sum(after, Measured()).seconds
    each = [one.seconds / other.seconds for one, other in zip(before, after, strict=True)]
    return f"{whole:.2f}", f"{min(each):.2f} to {max(each):.2f}"


if __name__ == "__main__":
    main()
