"""Tampering with files: the course's, lmlib's, the system's, and what is left for the grader."""

import json

from entries import BOTH, RIGHT_SCALED, WON, Desk, attack, entry

TAMPER = (
    WON
    + """
import glob, os, shutil, sqlite3
def overwrite(path, data=b"MARKER"):
    try:
        with open(path, "r+b") as file:
            file.write(data)
        won(f"overwrote {path}")
    except OSError:
        pass
def leave(folder, name="MARKER", data="# MARKER\\n"):
    try:
        with open(os.path.join(folder, name), "x") as file:
            file.write(data)
    except OSError:
        pass
"""
)
"""What most begin with; what `leave` leaves, the test looks for where it may have come to lie."""

attack(
    "tampering-gradebook",
    "Gives itself full points in the gradebook, and throws the others out.",
    first=TAMPER
    + """
path = "COURSE/gradebook.db"
if os.path.exists(path):
    try:
        with sqlite3.connect(path, timeout=0.1) as gradebook:
            gradebook.execute("UPDATE grade SET auto_score = 4, manual_score = 4")
            gradebook.execute("INSERT INTO student (id) VALUES ('MARKER')")
        won("wrote to the gradebook")
    except sqlite3.Error:
        pass
for name in ("gradebook.db", "gradebook.db-journal", "gradebook.db-wal"):
    overwrite(f"COURSE/{name}")
""",
)

attack(
    "tampering-course",
    "Overwrites every file of the course: submissions, release, keys, graded notebooks, pages.",
    first=TAMPER
    + """
for folder, _, names in os.walk("COURSE"):
    for name in names:
        overwrite(os.path.join(folder, name))
    leave(folder)
""",
)

attack(
    "tampering-course-removed",
    "Removes the whole course.",
    first=TAMPER
    + """
for name in ("submitted", "release", "key", "autograded", "feedback", "source", "mistakes"):
    if os.path.isdir(f"COURSE/{name}"):
        shutil.rmtree(f"COURSE/{name}", ignore_errors=True)
        won(f"removed {name}")
for path in glob.glob("COURSE/*.*"):
    os.remove(path)
""",
)

attack(
    "tampering-lmlib",
    "Changes the grader's own code, for the next submissions.",
    first=TAMPER
    + """
import lmlib, nbjudge, numpy, site, sys
here, grader = (os.path.dirname(package.__file__) for package in (lmlib, nbjudge))
folders = {here, grader, f"{grader}/kernel", f"{grader}/kernel/process",
           os.path.dirname(here), "LMLIB",
           "NBJUDGE", os.path.dirname(numpy.__file__), *site.getsitepackages(),
           os.path.dirname(sys.executable), sys.prefix, sys.base_prefix}
for folder in folders:
    leave(folder, "MARKER.py")
    leave(folder, "MARKER.pth", "import os")
for path in ("NBJUDGE/judge/judge.py", lmlib.__file__, nbjudge.__file__, numpy.__file__):
    overwrite(path, b"")
for folder in (f"{here}/__pycache__", f"{grader}/kernel/__pycache__"):
    leave(folder, "MARKER.pyc")
""",
)

attack(
    "tampering-system",
    "Leaves programs for the system and its users to start.",
    first=TAMPER
    + """
for folder in (*PLACES, "GRADERHOME", "GRADERHOME/.ssh", "TEMPORARY"):
    leave(folder)
for path in TOUCHED:
    try:
        os.utime(path)
    except OSError:
        pass
""",
)

attack(
    "tampering-mounts",
    "Makes what is read-only writable again, and mounts over the rest.",
    first=TAMPER
    + """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
REMOUNT, BIND = 32, 4096
import lmlib
for place in (b"/", b"/usr/lib", b"/etc", os.path.dirname(lmlib.__file__).encode()):
    if libc.mount(b"none", place, None, REMOUNT | BIND, None) == 0:
        won(f"made {place} writable")
    if libc.umount2(place, 2) == 0:
        won(f"took {place} away")
for path in ("/usr/bin/env", lmlib.__file__):
    try:
        os.chmod(path, os.stat(path).st_mode)
        won(f"changed the mode of {path}")
    except OSError:
        pass
""",
)

attack(
    "tampering-working-folder",
    "Leaves links, sockets, locked and endless folders behind, for the grader to clear away.",
    first="""
    import os, socket
    for number, target in enumerate(("COURSE", "COURSE/submitted", "GRADERHOME", "/", "LMLIB")):
        os.symlink(target, f"link{number}")
    os.mkfifo("fifo")
    socket.socket(socket.AF_UNIX).bind("socket")
    home = os.path.expanduser("~")
    for folder in (".", home, "/tmp", "/dev/shm", "/var/tmp"):
        try:
            path = os.path.join(folder, "MARKER-locked")
            os.makedirs(path + "/inside")
            open(path + "/inside/file", "w").close()
            os.chmod(path + "/inside", 0)
            os.chmod(path, 0)
            open(os.fsencode(folder) + b"/MARKER-\\xff\\n", "w").close()
        except OSError:
            pass
    top = os.open(".", os.O_RDONLY)
    for depth in range(1500):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    os.fchdir(top)
    """,
)

attack(
    "tampering-working-folder-gone",
    "Removes its own working folder and its home.",
    first="""
    import os, shutil
    for folder in (os.getcwd(), os.path.expanduser("~")):
        shutil.rmtree(folder, ignore_errors=True)
    """,
)

attack(
    "tampering-connection-file",
    "Replaces the kernel's connection file and sockets by links to the gradebook.",
    first="""
    import glob, os
    own = get_ipython().kernel.parent.connection_file
    for path in [own, *glob.glob(os.path.dirname(own) + "/kernel*")]:
        try:
            os.remove(path)
            os.symlink("COURSE/gradebook.db", path)
        except OSError:
            pass
    """,
)


@entry("tampering-accepted-file", "Overwrites and removes a file that it brought along.", BOTH)
def accepted_file(desk: Desk) -> None:
    code = """
    import os
    os.chmod("data.csv", 0o777)
    open("data.csv", "w").write("MARKER")
    os.remove("data.csv")
    """
    notebook = desk.notebook(scaled=f"{desk.fill(code)}\n{RIGHT_SCALED}")
    desk.hand_in(json.dumps(notebook))
    desk.write("data.csv", "1,2\n")
