"""Digests of the code that a result depends on; if they change, it is run or graded again.

What a notebook shows depends on the rooms `kernel` and `sandbox` and on the course's library. What
it earns depends on the room `judge` too, on the rule of values, and on the scorer of its
assignment. Comments and layout of Python code do not matter, nor do style sheets and pages.
"""

import functools
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import nbjudge
from nbjudge.core import digest_cache
from nbjudge.core.files import digest

RUNS = ("kernel", "sandbox")
"""Rooms of `nbjudge` that decide what a notebook shows when it is run."""

GRADES = ("judge", "shared/imports.py", "shared/values.py")
"""Rooms and modules that decide which notebook is run for a submission, and what it earns."""

BUILDS = ("authoring",)
"""Rooms that decide what is released, and with which answer key."""

FOR_PEOPLE = frozenset({".css", ".html", ".j2", ".md", ".svg"})
"""Suffixes of files that no computation reads."""

OF_PROJECTS = frozenset({"pyproject.toml", "LICENSE"})
"""Files of a package's folder that are not in its wheel."""


@functools.cache
def of_runs(library: str = "") -> str:
    """A digest of everything that a run depends on, except the notebook itself.

    library: the name of the course's own package, or nothing
    """
    return digest(*_rooms(RUNS), *(_package(library) if library else ()))


@functools.cache
def of_grades(library: str = "", scorer: str = "") -> str:
    """A digest of everything that a grade depends on, except submission and answer key.

    library: the name of the course's own package, or nothing
    scorer:  what scores submitted files, as `module:object`, or nothing
    """
    scorers = _package(scorer.partition(":")[0].partition(".")[0]) if scorer else ()
    return digest(of_runs(library), *_rooms(GRADES), *scorers)


@functools.cache
def of_builds(library: str = "", scorer: str = "") -> str:
    """A digest of everything that a build depends on, except the course's own files."""
    return digest(of_grades(library, scorer), *_rooms(BUILDS))


@functools.cache
def of_packages() -> str:
    """A digest of the names and versions of all distributions that are installed."""
    found = importlib.metadata.distributions()
    return digest(*sorted(f"{d.metadata['Name']} {d.version}" for d in found))


def _rooms(names: tuple[str, ...]) -> Iterator[str]:
    root = Path(nbjudge.__file__).parent
    for name in names:
        yield _folder(root / name)


def _package(name: str) -> Iterator[str]:
    """Digests of a package or module; none if it does not exist."""
    spec = importlib.util.find_spec(name)
    if spec and spec.submodule_search_locations:
        for place in spec.submodule_search_locations:
            yield _folder(Path(place))
    elif spec and spec.origin and spec.has_location:
        yield _code(Path(spec.origin))


def _folder(root: Path) -> str:
    """A digest of the code and the data in a folder, or of one file."""
    paths = [
        path
        for path in ([root] if root.is_file() else sorted(root.rglob("*")))
        if _is_read(path) and path.is_file()
    ]
    return digest_cache.remembered(root, paths, lambda: digest(*_contents(root, paths)))


def _contents(root: Path, paths: list[Path]) -> Iterator[bytes | str]:
    for path in paths:
        yield path.relative_to(root).as_posix()
        yield _code(path) if path.suffix == ".py" else path.read_bytes()


def _is_read(path: Path) -> bool:
    """Whether a computation may read the file at `path`."""
    is_left_out = path.suffix in FOR_PEOPLE or path.name in OF_PROJECTS
    return not is_left_out and "__pycache__" not in path.parts


def _code(path: Path) -> str:
    """What a module compiles to, as text; its source if it is not Python."""
    source = path.read_text(encoding="utf-8", errors="replace")
    try:
        return _compiled(compile(source, "", "exec", dont_inherit=True, optimize=0))
    except (SyntaxError, ValueError):
        return source


def _compiled(code: CodeType) -> str:
    """A code object as text, without anything that depends on line positions."""
    names = (code.co_qualname, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    constants = [
        _compiled(one)
        if isinstance(one, CodeType)
        else repr(sorted(map(repr, one)) if isinstance(one, frozenset) else one)
        for one in code.co_consts
    ]
    return repr((names, counts, code.co_code, code.co_exceptiontable, constants))
