"""Taking more than a share: time, processes, memory, disk, output; and staying behind.

Every bomb has a bottom, so that a machine survives it even where a limit does not hold.
"""

from entries import WON, attack, honest

# ---- time

attack(
    "resources-endless-loop",
    "Loops for ever when the hidden test calls.",
    scaled="def scaled(values, factor):\n    while len(values) == 3:\n        pass",
)

attack(
    "resources-endless-sleep",
    "Sleeps for ever in a cell, and catches what would wake it.",
    first="""
    import time
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
    """,
)

attack(
    "resources-signals-ignored",
    "Ignores all signals that can be ignored, and loops.",
    first="""
    import signal
    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        pass
    """,
)

attack(
    "resources-pattern",
    "Matches a pattern that takes longer than the universe, and never lets go of the lock.",
    scaled="""
    def scaled(values, factor):
        import re
        re.match(r"(a*)*b", "a" * 60) if len(values) == 3 else None
    """,
)

attack(
    "resources-huge-power",
    "Computes a number that has no end.",
    scaled="def scaled(values, factor):\n    9 ** 9 ** 9 if len(values) == 3 else None",
)

attack(
    "resources-busy-thread",
    "Keeps a thread busy after its cell has ended.",
    first="""
    import threading
    def busy():
        while True:
            sum(range(1000))
    threading.Thread(target=busy, daemon=True).start()
    """,
)

attack(
    "resources-busy-children",
    "Keeps four processes busy after its cell has ended.",
    first="""
    import subprocess, sys
    for _ in range(4):
        subprocess.Popen([sys.executable, "-c", "while True: pass", "MARKER"])
    """,
)

BURN = """
import os, time
begin = time.monotonic()
def burn():
    start = time.process_time()
    while time.process_time() - start < 0.04:
        pass
    os._exit(0)
"""

attack(
    "resources-sleep-beside-a-zombie",
    "Sleeps beside a child that has ended and that nobody waits for.",
    first=WON + BURN + "if os.fork() == 0:\n    os._exit(0)\ntime.sleep(25)\nwon('25 seconds')",
)

attack(
    "resources-short-lived-children",
    "Computes in hundreds of children, each too short-lived to be seen.",
    first=WON
    + BURN
    + """
for _ in range(280):
    if os.fork() == 0:
        burn()
    os.wait()
won("eleven seconds")
""",
)

attack(
    "resources-children-that-vanish",
    "Computes in short-lived children, and has the system forget what they took.",
    first=WON
    + BURN
    + """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while time.monotonic() - begin < 25:
    if os.fork() == 0:
        burn()
    time.sleep(0.045)
won("25 seconds")
""",
)

attack(
    "resources-a-trickle",
    "Sleeps, while a thread computes just enough to look busy.",
    first=WON
    + BURN
    + """
import threading
def trickle():
    while True:
        start = time.thread_time()
        while time.thread_time() - start < 0.015:
            pass
        time.sleep(0.085)
threading.Thread(target=trickle, daemon=True).start()
time.sleep(25)
won("25 seconds")
""",
)

attack(
    "resources-limits-raised",
    "Raises the limits that a process may raise for itself, and loops.",
    first="""
    import resource
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            kind = getattr(resource, name)
            soft, hard = resource.getrlimit(kind)
            for wanted in ((-1, -1), (hard, hard)):
                try:
                    resource.setrlimit(kind, wanted)
                except (ValueError, OSError):
                    pass
    while True:
        pass
    """,
)

# ---- processes

attack(
    "resources-fork-bomb",
    "Forks, and every child forks.",
    first="""
    import os, time
    own = os.getpid()
    for _ in range(9):
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
    if os.getpid() != own:
        time.sleep(20)
        os._exit(0)
    """,
)

attack(
    "resources-many-processes",
    "Starts two thousand processes that sleep.",
    first=WON
    + """
import os
try:
    for _ in range(2000):
        os.posix_spawnp("sleep", ["sleep", "60"], os.environ)
    won("two thousand processes")
except OSError:
    pass
""",
)

attack(
    "resources-many-threads",
    "Starts ten thousand threads.",
    first=WON
    + """
import threading, time
try:
    for _ in range(10_000):
        threading.Thread(target=time.sleep, args=[60], daemon=True).start()
    won("ten thousand threads")
except RuntimeError:
    pass
""",
)

attack(
    "resources-daemon",
    "Leaves a daemon behind, by two forks and a session of its own.",
    first="""
    import os, sys
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            code = "import time; time.sleep(600)"
            os.execv(sys.executable, [sys.executable, "-c", code, "MARKER"])
        os._exit(0)
    """,
)

attack(
    "resources-stubborn-child",
    "Leaves a child behind that ignores every signal it can.",
    first="""
    import subprocess, sys
    code = (
        "import signal, time\\n"
        "for n in (1, 2, 3, 13, 14, 15, 18, 20): signal.signal(n, signal.SIG_IGN)\\n"
        "time.sleep(600)"
    )
    subprocess.Popen([sys.executable, "-c", code, "MARKER"], start_new_session=True)
    """,
)

attack(
    "resources-child-of-a-dead-kernel",
    "Leaves a child behind that holds the kernel's sockets, and ends the kernel.",
    scaled="""
    def scaled(values, factor):
        import os, subprocess, sys
        if len(values) == 3:
            code = "import time; time.sleep(600)"
            subprocess.Popen([sys.executable, "-c", code, "MARKER"], close_fds=False)
            os._exit(0)
    """,
)

attack(
    "resources-kernel-forked",
    "Forks the kernel, so that two of them sit on its sockets.",
    first="""
    import os, time
    if os.fork() == 0:
        time.sleep(600)
    """,
)

attack(
    "resources-pool-left-open",
    "Leaves a pool of processes open, with work that never ends.",
    first="""
    import multiprocessing, time
    pool = multiprocessing.get_context("fork").Pool(4)
    work = pool.map_async(time.sleep, [600] * 8)
    """,
)

# ---- memory


def hoard(name: str, tries: str, start: str, more: str) -> None:
    """Add a notebook that takes half a gigabyte in each of ten cells, and keeps it.

    `more` takes a hundred megabytes; in one cell all of it would take longer than a cell may.
    """
    step = f"for _ in range(5):\n    {more}\ntaken += 5"
    done = "if taken == 50:\n    won('five gigabytes of memory')"
    attack(name, tries, first="\n# ---\n".join([f"{WON}{start}\ntaken = 0", *[step] * 10, done]))


hoard(
    "resources-memory",
    "Fills memory with arrays.",
    "kept = []",
    "kept.append(np.ones(12_500_000))",
)

hoard(
    "resources-memory-of-files",
    "Fills memory with files without names, of which no process shows anything.",
    "import os\ndata = bytes(100_000_000)",
    "os.write(os.memfd_create('MARKER'), data)",
)

hoard(
    "resources-memory-shared",
    "Fills memory that two processes share, so that it is nobody's own.",
    """
import mmap, os, time
kept = [mmap.mmap(-1, 100_000_000) for _ in range(50)]
next_one = iter(kept)
data = bytes(100_000_000)
read, write = os.pipe()
if os.fork() == 0:
    for shared in kept:
        os.read(read, 1)
        sum(shared[::4096])
    time.sleep(60)
    os._exit(0)
""",
    "next(next_one).write(data); os.write(write, b'x')",
)

attack(
    "resources-memory-of-sockets",
    "Fills the buffers of thousands of sockets, which are in no process's memory.",
    first=WON
    + """
import os, socket, time
def fill():
    held = [socket.socketpair() for _ in range(450)]
    for one, _ in held:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        try:
            while True:
                one.send(bytes(100_000))
        except OSError:
            pass
    time.sleep(60)
for _ in range(16):
    if os.fork() == 0:
        fill()
time.sleep(2.5)
won("gigabytes in sockets")
""",
)

attack(
    "resources-memory-of-semaphores",
    "Makes arrays of System V semaphores, of four megabytes each.",
    first=WON
    + """
import ctypes
made = sum(ctypes.CDLL(None).semget(0, 32_000, 0o1600) >= 0 for _ in range(100))
if made:
    won(f"{made} arrays of semaphores")
""",
)

attack(
    "resources-memory-of-lists",
    "Fills memory with lists of lists, when the hidden test calls.",
    scaled="""
    def scaled(values, factor):
        taken = []
        while len(values) == 3 and len(taken) < 500:
            taken.append([[] for _ in range(100_000)])
    """,
)

attack(
    "resources-memory-of-children",
    "Fills memory from sixteen processes, each of them modest.",
    first=WON
    + """
import subprocess, sys
code = "import time; taken = b'x' * 400_000_000; print(1, flush=True); time.sleep(60)"
words = [sys.executable, "-c", code, "MARKER"]
started = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(16)]
if all(child.stdout.readline() for child in started):
    won("six gigabytes of memory")
""",
)

attack(
    "resources-memory-of-the-observer",
    "Returns a small array that becomes an enormous list when it is observed.",
    scaled="""
    def scaled(values, factor):
        return np.broadcast_to(np.array(None, dtype=object), (500_000_000,))
    """,
)

attack(
    "resources-pickle",
    "Pickles what doubles with every step.",
    first="""
    import pickle
    data = b"x" * 1_000_000
    for _ in range(5):
        data = pickle.dumps([data, data[::-1]])
    """,
)

# ---- disk

FILL = (
    WON
    + """
import os
written = 0
def fill(folder):
    global written
    for number in range(60):
        try:
            with open(os.path.join(folder, f"MARKER-{number}"), "wb") as file:
                written += file.write(bytes(100_000_000))
        except OSError:
            break
    if written > 5_000_000_000:
        won("five gigabytes of disk")
"""
)

attack(
    "resources-disk-working-folder",
    "Fills the disk from its working folder and its home.",
    first=FILL + "fill('.')\n# ---\nfill(os.path.expanduser('~'))",
)

attack(
    "resources-disk-temporary",
    "Fills the folders for temporary files.",
    first=FILL
    + "for folder in ('/tmp', '/var/tmp', '/dev/shm', '/run', '/dev'):\n    fill(folder)",
)

attack(
    "resources-disk-one-file",
    "Makes a single file that grows without end.",
    first=FILL
    + """
with open("MARKER", "wb") as file:
    for _ in range(60):
        written += file.write(bytes(100_000_000))
won("a file of six gigabytes")
""",
)

attack(
    "resources-disk-many-files",
    "Makes files until there is no room for names.",
    first="""
    import os
    try:
        for number in range(300_000):
            open(f"MARKER-{number}", "w").close()
    except OSError as error:
        print(error)
    """,
)

attack(
    "resources-left-behind",
    "Leaves files in every folder for temporary files, and memory and semaphores of both kinds.",
    first="""
    import ctypes, os
    from multiprocessing import resource_tracker, shared_memory
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue", "TEMPORARY"):
        try:
            open(os.path.join(folder, "MARKER-file"), "w").close()
        except OSError:
            pass
    shared = shared_memory.SharedMemory("MARKER-shared", create=True, size=4096)
    resource_tracker.unregister("/MARKER-shared", "shared_memory")
    libc = ctypes.CDLL(None)
    libc.shmget(SYSV_KEY, 4096, 0o1600)
    libc.semget(SYSV_KEY, 1, 0o1600)
    libc.msgget(SYSV_KEY, 0o1600)
    """,
)

# ---- output

attack(
    "resources-output-printed",
    "Prints without end.",
    first="""
    while True:
        print("x" * 10_000)
    """,
)

attack(
    "resources-output-shown",
    "Shows displays without end.",
    scaled="""
    def scaled(values, factor):
        while len(values) == 3:
            display({"text/plain": "x" * 10_000}, raw=True)
    """,
)

attack(
    "resources-output-at-once",
    "Prints half a gigabyte at once.",
    first="print('x' * 500_000_000)",
)

attack(
    "resources-output-of-a-shell",
    "Lets a program print without end.",
    first="!yes MARKER",
)

attack(
    "resources-output-to-descriptors",
    "Writes without end to the descriptors that lie below print.",
    first="""
    import os
    for descriptor in (1, 2):
        for _ in range(300):
            os.write(descriptor, b"x" * 1_000_000)
    """,
)

attack(
    "resources-evidence",
    "Sends evidence of a gigabyte, each message within its limit.",
    first="""
    from nbjudge.kernel.evidence import MIME
    value = {"is": "text", "text": "x" * 7_000_000}
    forged = {"observation": "x", "changed": False, "value": value}
    for number in range(150):
        display({MIME: forged}, raw=True)
    """,
)

RAW = """
import os, socket, stat, struct
kernel = get_ipython().kernel
def send(content):
    topic = kernel._topic("display_data")
    kernel.session.send(
        kernel.iopub_socket, "display_data", content, kernel.get_parent(), ident=topic
    )
def flood(data):
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                one = socket.socket(fileno=os.dup(number))
                if "/run/kernel" in str(one.getsockname()) and one.getpeername() == "":
                    for _ in range(100):
                        one.sendall(data)
        except OSError:
            pass
"""

attack(
    "resources-output-intricate",
    "Shows millions of empty objects, which take 25 times the memory of their text.",
    first=RAW + "for _ in range(3):\n    send({'data': {'a/b': [{}] * 2_900_000}, 'metadata': {}})",
)

attack(
    "resources-output-raw-parts",
    "Writes one message of parts without end to the kernel's own connections.",
    first=RAW + "flood(b'\\x03' + struct.pack('>Q', 8_000_000) + bytes(8_000_000))",
)

attack(
    "resources-output-raw-frames",
    "Writes empty parts and messages without end to the kernel's own connections.",
    first=RAW + "flood(b'\\x01\\x00' * 300_000 + b'\\x00\\x00' * 300_000)",
)

attack(
    "resources-output-of-many-cells",
    "Prints a million characters in each of 150 cells.",
    first="\n# ---\n".join(["print('x' * 999_000)"] * 150),
)

attack(
    "resources-evidence-of-arrays",
    "Claims evidence of a hundred thousand tiny arrays of sixteen dimensions.",
    scaled=RAW
    + """
from nbjudge.kernel.evidence import MIME
tiny = {"is": "array", "dtype": "|b1", "shape": [1] * 16, "data": "AA=="}
def scaled(values, factor):
    if len(values) == 3:
        for number in range(9):
            claim = {"is": "list", "items": [tiny] * 80_000}
            claim = {"observation": f"o{number}", "changed": False, "value": claim}
            send({"data": {MIME: claim}, "metadata": {}, "transient": {}})
""",
)

attack(
    "resources-widgets",
    "Opens widgets without end, each with a large state.",
    first="""
    import ipywidgets
    kept = [ipywidgets.Textarea("x" * 1_000_000) for _ in range(500)]
    """,
)

attack(
    "resources-errors",
    "Raises an exception whose message is enormous.",
    first="raise ValueError('x' * 100_000_000)",
)

honest(
    "resources-input",
    "Asks for input that nobody gives, in the notebook and below it.",
    first="""
    name = input("Who?")
    # ---
    import getpass
    word = getpass.getpass()
    # ---
    import sys
    line = sys.stdin.readline()
    """,
)
