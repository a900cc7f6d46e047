"""The sandbox: what a submission can see and use, and that nothing of it is left for the next."""

import base64
import itertools
import json
import os
import platform
import shutil
import signal
from typing import NoReturn

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from small_course import NAME, answered, hand_in

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.sandbox import bubblewrap, pool, sandboxed
from nbjudge.sandbox.engine import Task, run
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.meter import Meter

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bubblewrap.why_not() is not None, reason=str(bubblewrap.why_not())),
]


def shown(
    *sources: str, seconds: float = 20, limits: Limits | None = None, **settings
) -> list[str]:
    """What each of some cells shows, run one after the other."""
    cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    limits = limits or Limits(cell_seconds=seconds)
    done = run(Task(json.dumps(new_notebook(cells=cells)), limits, **settings), Isolation())
    executed = nbformat.reads(done.notebook, as_version=4)
    texts = []
    for cell in executed.cells:
        texts.append("".join(map(str, cell.outputs)) + done.stopped.get(cell.id, ""))
    return texts


def test_of_the_course_only_what_students_use_is_there() -> None:
    library, grader = shown(
        "import lmlib, os; print('corpora.py' in os.listdir(os.path.dirname(lmlib.__file__)))",
        "import nbjudge; print(sorted(os.listdir(os.path.dirname(nbjudge.__file__))))",
        packages=("lmlib",),
    )
    assert "True" in library and "['__init__.py', 'kernel']" in grader


def test_only_the_packages_of_the_problem_set_are_there() -> None:
    hidden, judge = shown("import torch", "import nbgrader")
    assert "No module named" in hidden and "No module named" in judge
    (found,) = shown("import yaml; print('there')", packages=("yaml",))
    assert "there" in found


@pytest.mark.parametrize(
    "place",
    ["/", "/dev", "/usr/lib", "/packages", "/packages/nbjudge", "/run/kernel", "/proc/sys"],
)
def test_nothing_can_be_written_but_in_folders_of_its_own(place: str) -> None:
    (seen,) = shown(f"open('{place}/left', 'w')")
    assert "Read-only file system" in seen or "No such file" in seen


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm", "/home/student", "."])
def test_what_one_submission_leaves_is_gone_for_the_next(place: str) -> None:
    (wrote,) = shown(f"open('{place}/left', 'w').write('x'); print('wrote')")
    (found,) = shown(f"import os; print('left' in os.listdir('{place}'))")
    assert "wrote" in wrote and "False" in found


def test_processes_of_one_submission_are_gone_for_the_next() -> None:
    shown("import subprocess; p = subprocess.Popen(['sleep', '1000'], start_new_session=True)")
    (seen,) = shown("import os; print([p for p in os.listdir('/proc') if p.isdigit()])")
    assert "['1', '2']" in seen


def test_there_is_no_network_and_no_right_to_anything() -> None:
    network, rights, user = shown(
        "print(open('/proc/self/net/dev').read())",
        "print(open('/proc/self/status').read())",
        "import os; os.unshare if hasattr(os, 'unshare') else 0; print(os.getuid(), os.listdir('/root') if os.path.exists('/root') else [])",  # noqa: E501
    )
    assert "lo" in network and "eth" not in network
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{kind}:\\t0000000000000000" in rights
    assert "NoNewPrivs:\\t1" in rights
    assert "1000" in user


def test_other_processes_cannot_be_read() -> None:
    first, outside = shown(
        "open('/proc/1/environ', 'rb').read()",
        "import os; print([p for p in os.listdir('/proc') if p.isdigit() and int(p) > 2])",
    )
    assert "PermissionError" in first
    assert "[]" in outside


@pytest.mark.parametrize(
    "attempt",
    [
        "libc.unshare(0x10000000)",  # a user namespace: all rights, in there
        pytest.param(
            "libc.syscall(56, 0x10000011, 0, 0, 0, 0)",  # the same by clone
            marks=pytest.mark.skipif(platform.machine() != "x86_64", reason="another number"),
        ),
        "libc.memfd_create(b'x', 0)",  # memory that belongs to no process
        "libc.shmget(1, 1 << 20, 0o1600)",
        "libc.ptrace(16, 1, 0, 0)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.syscall(425, 1, 0)",  # io_uring
        "libc.semget(0, 32_000, 0o1600)",  # four megabytes that belong to no process
        "libc.vmsplice(1, None, 0, 0)",
    ],
)
def test_system_calls_that_no_notebook_needs_fail(attempt: str) -> None:
    (seen,) = shown(
        "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"
        f"print({attempt}, os.strerror(ctypes.get_errno()))"
    )
    assert "-1 Operation not permitted" in seen


def test_of_all_sockets_only_those_between_its_own_processes_are_left() -> None:
    (seen,) = shown(
        "import socket\n"
        "for call in (socket.socket, socket.socketpair):\n"
        "    for family in range(64):\n"
        "        try: call(family); print('open', family)\n"
        "        except OSError as error: assert error.errno == 97, error"
    )
    assert seen.count("open") == 2 and seen.count("open 1\\n") == 2


def test_what_a_forked_child_prints_is_shown_though_there_is_no_network() -> None:
    (seen,) = shown(
        "import os\nif os.fork() == 0:\n    print('from a child', flush=True); os._exit(0)\n"
        "print(os.wait()[1])"
    )
    assert "from a child" in seen


SECRET = "secret of the student before, "  # 30 bytes: in base64 it repeats as well
IN_BASE64 = base64.b64encode(SECRET.encode()).decode()

SEARCH = f"""
import re
found = 0
repeated = [  # patterns in which nothing is repeated: they are in memory too
    re.compile(rb"{SECRET}(?:{SECRET}){{2}}"), re.compile(rb"{IN_BASE64}(?:{IN_BASE64}){{2}}")
]
with open("/proc/self/mem", "rb", 0) as memory:
    for line in open("/proc/self/maps").read().splitlines():
        begin, end = (int(one, 16) for one in line.split()[0].split("-"))
        try:
            memory.seek(begin)
            data = memory.read(end - begin)
        except (OSError, ValueError, OverflowError):
            continue
        found += sum(len(one.findall(data)) for one in repeated)
print("found", found, "times")
"""


def test_nothing_of_one_submission_is_in_the_memory_of_the_next() -> None:
    for length in (10, 300, 3_000, 30_000):
        files = {f"{number}.csv": SECRET.encode() * length for number in range(3)}
        (has_files,) = shown("import os; print(len(os.listdir()), 'files')", files=files)
        (found,) = shown(SEARCH)
        assert "3 files" in has_files
        assert "found 0 times" in found


def test_a_warm_process_reads_nothing_of_a_submission(monkeypatch) -> None:
    asked: list[dict] = []
    ask = pool.Zygote.ask

    def heard(self: pool.Zygote, **request: object) -> dict:
        asked.append(request)
        return ask(self, **request)

    monkeypatch.setattr(pool.Zygote, "ask", heard)
    shown("print(1)", files={"data.csv": b"x" * 1000}, environment={"PROFILE": "smoke"})
    assert [list(request) for request in asked] == [["start"], ["stop"]]
    assert all(len(str(request)) < 40 for request in asked)


def test_threads_processes_and_shared_memory_that_are_meant_well_work() -> None:
    (seen,) = shown(
        "import multiprocessing, threading, subprocess\n"
        "from multiprocessing import shared_memory\n"
        "pool = multiprocessing.get_context('fork').Pool(2)\n"
        "print(pool.map(abs, [-1, 2])); pool.close()\n"
        "one = threading.Thread(target=print, args=('thread',)); one.start(); one.join()\n"
        "block = shared_memory.SharedMemory(create=True, size=100); block.unlink()\n"
        "print(subprocess.run('echo shell', shell=True, capture_output=True).stdout)"
    )
    assert "[1, 2]" in seen and "thread" in seen and "shell" in seen and "Error" not in seen


def test_each_kernel_draws_its_own_random_numbers() -> None:
    source = "import random; print(random.random(), np.random.rand())"
    assert len({shown("import numpy as np", source)[1] for _ in range(3)}) == 3


def test_figures_are_shown_though_matplotlib_was_there_before_the_kernel() -> None:
    (seen,) = shown("import matplotlib.pyplot as plt; plt.plot([1, 2]);", packages=("matplotlib",))
    assert "image/png" in seen


def test_a_process_that_takes_all_memory_gets_an_error() -> None:
    (seen,) = shown("import numpy as np; x = np.ones(10**10)")
    assert "MemoryError" in seen


def test_processes_that_take_all_memory_together_are_stopped() -> None:
    grab = (
        "import os, time, numpy as np\n"
        "for _ in range(6):\n    if os.fork() == 0:\n"
        "        x = np.ones(1 << 27); time.sleep(100)\n"
        "time.sleep(100)"
    )
    stopped, after = shown(grab, "print('after')")
    assert "used more than 4 GB of memory and was stopped" in stopped and "after" in after


def test_a_thousand_processes_are_stopped() -> None:
    many = "import os, time\nfor _ in range(1000):\n    if os.fork() == 0: time.sleep(100)\ninput()"
    stopped, after = shown(many + "\ntime.sleep(100)", "print('after')")
    assert "started more than 200 processes" in stopped or "BlockingIOError" in stopped
    assert "after" in after


def test_processes_count_for_the_cell_that_started_them_even_after_its_end() -> None:
    later = (
        "import os, time\n"
        "fork_began = True\n"
        "if os.fork() == 0:\n"
        "    time.sleep(0.5)\n"
        "    for _ in range(300):\n"
        "        if os.fork() == 0: time.sleep(100)\n"
        "    time.sleep(100)"
    )
    # The second run, without the first cell, has nothing to wait for.
    wait = "import time; time.sleep(15 if 'fork_began' in globals() else 0); print('after')"
    forked, after = shown(later, wait)
    assert "after" in after and "stopped" not in after
    assert "started more than 200 processes" in forked or os.getuid() != 0  # NPROC stops it there


def test_a_file_may_be_only_so_large() -> None:
    (seen,) = shown(
        "with open('big', 'wb') as f:\n    for _ in range(600): f.write(bytes(1 << 20))"
    )
    assert "File too large" in seen or "No space left" in seen


def test_sleeping_counts_by_the_clock_and_computing_by_the_processor() -> None:
    slept, computed = shown("import time; time.sleep(60)", "while True: pass", seconds=2)
    assert "took longer than 2 seconds" in slept
    assert "took longer than 2 seconds" in computed


BURN = """
import ctypes, os, signal, subprocess, threading, time
begin = time.monotonic()
def burn(seconds):
    start = time.thread_time()
    while time.thread_time() - start < seconds:
        pass
def child(*work):
    number = os.fork()
    if number == 0:
        for part in work:
            part()
        os._exit(0)
    return number
"""


@pytest.mark.parametrize(
    "hides",
    [
        "child(); time.sleep(15)",  # nobody waits for it
        "while time.monotonic() - begin < 15: os.waitpid(child(lambda: burn(0.04)), 0)",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "while time.monotonic() - begin < 15: child(lambda: burn(0.04)); time.sleep(0.045)",
        "while time.monotonic() - begin < 15:\n"  # an orphan each time
        "    os.waitpid(child(lambda: child(lambda: burn(0.04))), 0); time.sleep(0.045)",
        "def trickle():\n    while True: burn(0.015); time.sleep(0.085)\n"
        "threading.Thread(target=trickle, daemon=True).start(); time.sleep(15)",
        pytest.param(
            "if ctypes.CDLL(None).syscall(56, 0x4011, 0, 0, 0, 0) == 0:\n"
            "    time.sleep(15); os._exit(0)",
            marks=pytest.mark.skipif(platform.machine() != "x86_64", reason="another number"),
        ),  # vfork, whose parent is blocked until the child ends
    ],
)
def test_no_way_of_spending_time_is_hidden_from_the_meter(hides: str) -> None:
    stopped, after = shown(BURN + hides, "print('after')", seconds=1)
    assert "took longer than 1 seconds" in stopped and "after" in after


def test_a_signal_that_a_cell_sends_to_everything_ends_only_itself() -> None:
    stopped, after = shown(f"import os; os.kill(-1, {int(signal.SIGKILL)})", "print('after')")
    assert stopped is not None and "after" in after


@pytest.mark.parametrize("left", ["quit()", "exit()", "exit", "get_ipython().ask_exit()"])
def test_a_quit_that_was_left_in_the_notebook_ends_nothing(left: str) -> None:
    before, later, last = shown(left, "import time; time.sleep(1); print('later')", "print('last')")
    assert "stopped" not in before and "ended" not in before
    assert "later" in later and "last" in last


def test_output_without_end_is_stopped() -> None:
    stopped, after = shown("while True: print('x' * 10**6)", "print('after')", seconds=60)
    assert "printed more than 50 MB" in stopped and "after" in after


def test_one_message_that_is_too_large_ends_only_its_cell() -> None:
    stopped, after = shown("from IPython.display import display; display('x' * 10**8)",
                           "print('after')")  # fmt: skip
    assert "and was stopped" in stopped or "broke the connection" in stopped
    assert "after" in after


# ---- choices


def test_without_a_sandbox_nothing_of_students_is_run(course, monkeypatch, capsys) -> None:
    hand_in(course, "ada", answered(course, scaled="print('ran')"))
    monkeypatch.setattr(bubblewrap, "why_not", lambda: "this is a test")
    assert cli.main(["--course", str(course.root), "grade", NAME]) == 1
    said = capsys.readouterr().err
    assert "only run in a sandbox, and this is a test; `--sandbox none`" in said
    assert not course.autograded_notebook("ada", NAME).exists()
    with pytest.raises(CourseError, match="this is a test"):
        run(Task("{}"), Isolation())


RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return factor + values"
HANGS = "def scaled(values, factor):\n    while True: pass"


def test_the_choices_give_the_same_scores(course, tmp_path) -> None:
    path = course.root / "course.toml"
    path.write_text(path.read_text().replace("cell_seconds = 20", "cell_seconds = 1"))
    assert cli.main(["--course", str(course.root), "build", NAME]) == 0
    for student, answer in {"ada": RIGHT, "bob": ADDED, "cleo": HANGS}.items():
        hand_in(course, student, answered(course, scaled=answer))
    found = []
    for number, words in enumerate(
        (["--jobs", "1"], ["--jobs", "2"], ["--warm", "off"], ["--sandbox", "none"])
    ):
        copy = find_course(shutil.copytree(course.root, tmp_path / str(number)))
        assert cli.main(["--course", str(copy.root), "grade", NAME, *words]) == 0
        with open_gradebook(copy) as gradebook:
            found.append(
                {
                    student: gradebook.find_grade("scaled_test", NAME, NAME, student).auto_score
                    for student in ("ada", "bob", "cleo")
                }
            )
    assert found[0] == {"ada": 4, "bob": 0, "cleo": 0}
    assert all(scores == found[0] for scores in found)


def test_nbclient_uses_it_unchanged_through_a_kernelspec(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "kernels" / "course"
    folder.mkdir(parents=True)
    provisioner = {"provisioner_name": "nbjudge-sandbox", "config": {"packages": ["numpy"]}}
    spec = {"argv": ["-"], "display_name": "Course", "language": "python",
            "metadata": {"kernel_provisioner": provisioner}}  # fmt: skip
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = new_notebook(cells=[new_code_cell("import os; print(os.getcwd(), os.getpid())")])
    NotebookClient(notebook, kernel_name="course", timeout=60).execute()
    assert "/home/student/work 2" in notebook.cells[0].outputs[0].text


def test_a_clock_that_is_set_back_hides_no_kernel(monkeypatch) -> None:
    younger = itertools.count()
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: -next(younger))
    assert "42" in shown("print(6 * 7)")[0]


def unseen(pid: int, limits: Limits, has_own_network: bool) -> NoReturn:
    raise CourseError("The kernel ended before it was seen.")


def killed(pid: int, limits: Limits, has_own_network: bool) -> Meter:
    meter = Meter(pid, limits, has_own_network)
    meter.root.kill()
    return meter


@pytest.mark.parametrize("ended", [unseen, killed])
def test_a_kernel_that_ends_at_once_is_started_once_more(monkeypatch, ended) -> None:
    meters = iter([ended, Meter])
    monkeypatch.setattr(sandboxed, "Meter", lambda *words: next(meters)(*words))
    assert "42" in shown("print(6 * 7)")[0]


def test_kernels_that_never_start_are_an_error(monkeypatch) -> None:
    monkeypatch.setattr(sandboxed, "Meter", unseen)
    with pytest.raises(CourseError, match="ended before it was seen"):
        shown("print(6 * 7)")


def test_a_warm_process_that_died_is_replaced() -> None:
    kind = pool.Kind(())
    first = pool.borrow(kind)
    pool.give_back(first)
    first.process.kill()
    first.process.wait()
    again = pool.borrow(kind)
    assert again is not first and again.is_alive()
    pool.give_back(again)
