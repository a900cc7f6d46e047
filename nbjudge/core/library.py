"""The course's own library: its project, its requirements, and its wheel.

The library is an installed package, or one used from its checkout. It is built by the backend
named in its pyproject.toml, through the interface of PEP 517; nothing is downloaded for that.
"""

import base64
import csv
import functools
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest, write_bytes

TIME = (2020, 2, 2, 0, 0, 0)
"""Timestamp of every file in an archive, so that the same contents give the same bytes."""

EPOCH = "1580601600"
"""The same for build backends: seconds since 1970."""

KEPT = 4
"""How many wheels of a library stay in the cache."""

Wheel = tuple[str, bytes]
"""The name of a wheel and its contents."""


def make_wheel(library: str) -> Wheel:
    """The wheel of the package `library`: the same bytes for the same sources.

    It is built from its project, if there is one, and rebuilt only after a change there; otherwise
    it is assembled from the installed files. Raises CourseError if neither is possible.
    """
    project = project_of(library)
    if project is None:
        return _repacked(library)
    return _built(library, project, _state(library, project))


def folder_of(library: str) -> Path | None:
    """Where the package `library` is; None if it is not a package that can be imported."""
    spec = importlib.util.find_spec(library)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def project_of(library: str) -> Path | None:
    """The folder of the pyproject.toml that makes `library`; None if there is none.

    It is the package's own folder, or one above it whose pyproject.toml bears the package's name.
    """
    folder = folder_of(library)
    if folder is None:
        return None
    if (folder / "pyproject.toml").is_file():
        return folder
    above = folder.parents[1] if folder.parent.name == "src" else folder.parent
    name = _project_table(above).get("name", "")
    return above if normal_name(str(name)) == normal_name(library) else None


def distribution_of(package: str) -> importlib.metadata.Distribution | None:
    """The installed distribution that `package` belongs to; None in a checkout."""
    known = importlib.metadata.packages_distributions().get(package) or [package]
    try:
        found = importlib.metadata.distribution(known[0])
    except importlib.metadata.PackageNotFoundError:
        return None
    folder, installed = folder_of(package), Path(str(found.locate_file(package)))
    is_elsewhere = folder and not (installed.exists() and folder.samefile(installed))
    return None if is_elsewhere else found


@functools.cache
def requirements(library: str) -> tuple[str, ...]:
    """The requirements of `library`: lines as in its metadata; none if they are unknown.

    Raises CourseError if only a build can determine them and it fails.
    """
    if found := distribution_of(library):
        return tuple(found.requires or ())
    project = project_of(library)
    if project is None:
        return ()
    table = _project_table(project)
    if "dependencies" not in table.get("dynamic", []):
        return tuple(table.get("dependencies", []))
    name, content = make_wheel(library)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        described = "-".join(name.split("-")[:2])
        metadata = zipfile.Path(archive, f"{described}.dist-info/")
        return tuple(importlib.metadata.PathDistribution(metadata).requires or ())


def normal_name(name: str) -> str:
    """The normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def zipped(
    files: Mapping[str, bytes | str], programs: Collection[str] = (), mode: int = 0o644
) -> bytes:
    """A zip archive of `files`, the same for the same contents.

    mode: their permissions once unpacked; everyone may execute the `programs` among them
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # Unix, which has modes
            member.external_attr = (0o100000 | (0o755 if name in programs else mode)) << 16
            archive.writestr(member, data)
    return content.getvalue()


def _project_table(folder: Path) -> dict[str, Any]:
    """The table [project] of the pyproject.toml in `folder`; empty if there is none."""
    try:
        table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return {}
    return table if isinstance(table, dict) else {}


# ---- from its project


def _state(library: str, project: Path) -> str:
    """A digest of everything that a build of `library` may read.

    That is the package, the files next to its pyproject.toml, and in the folder above, as in a
    repository of several projects, the build's own.
    """
    package = folder_of(library)
    assert package is not None, "a project has been found by its package"
    inside = [path for path in package.rglob("*") if "__pycache__" not in path.parts]
    around = [*project.iterdir(), project.parent / "pyproject.toml", *project.parent.glob("*.py")]
    files = sorted({path for path in [*inside, *around] if path.is_file()})
    parts = [part for path in files for part in (str(path), path.read_bytes())]
    return digest(*parts)


@functools.lru_cache(maxsize=2)
def _built(library: str, project: Path, state: str) -> Wheel:
    """The wheel that `project` makes, from the cache if it was made in this `state`."""
    kept = _cache() / library
    known = sorted((kept / state).glob("*.whl"))
    if known:
        return known[0].name, known[0].read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = _build(library, project, folder)
        wheel = path.name, path.read_bytes()
    try:
        write_bytes(kept / state / wheel[0], wheel[1])
        by_age = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    except (CourseError, OSError):  # it is then rebuilt the next time
        return wheel
    for old in by_age[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return wheel


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nbjudge" / "wheels"


def _build(library: str, project: Path, folder: str) -> Path:
    """Build `project` into `folder`, with its own backend and the packages installed here."""
    import build  # slow, and seldom needed

    check = build.check_dependency

    try:
        builder = build.ProjectBuilder(project, runner=_run_quietly)
        missing = {chain for need in builder.build_system_requires for chain in check(need)}
        if missing := missing or builder.check_dependencies("wheel"):  # this asks the backend
            names = sorted({chain[-1] for chain in missing})
            raise CourseError(
                f"The wheel of {library} cannot be built, because its build needs "
                f"{' and '.join(names)}: run `pip install {' '.join(map(repr, names))}`."
            )
        return Path(builder.build("wheel", folder))
    except (build.BuildException, build.BuildBackendException) as error:
        raise CourseError(
            f"The wheel of {library} could not be built from {project}: {_last_line(error)}"
        ) from error


def _run_quietly(
    cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
) -> None:
    import pyproject_hooks

    environment = {**(extra_environ or {}), "SOURCE_DATE_EPOCH": EPOCH}
    pyproject_hooks.quiet_subprocess_runner(cmd, cwd, environment)


def _last_line(error: Exception) -> str:
    cause = getattr(error, "exception", None)
    said = cause.output if isinstance(cause, subprocess.CalledProcessError) else error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return (text.strip().splitlines() or [type(error).__name__])[-1]


# ---- from what is installed


def _repacked(library: str) -> Wheel:
    """The wheel from which the package `library` was installed, as far as it can be rebuilt."""
    found = distribution_of(library)
    about = next((str(file.parent) for file in (found and found.files) or ()
                  if file.name == "WHEEL"), "")  # fmt: skip
    if found is None or not about or not _is_pure(found):
        raise CourseError(
            f"No wheel of {library} can be made: there is no pyproject.toml in the package's "
            "folder or above it, and no wheel of pure Python was installed; install it with "
            "`pip install -e` from its project."
        )
    kept = {"METADATA", "WHEEL", "entry_points.txt"}
    files: dict[str, bytes | str] = {}
    for file in sorted(found.files or (), key=str):
        path = Path(str(found.locate_file(file)))
        inside = str(file.parent) == about and file.name not in kept
        if file.parts[0] != ".." and file.suffix != ".pyc" and not inside and path.is_file():
            files[file.as_posix()] = path.read_bytes()
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD")
    return f"{about.removesuffix('.dist-info')}-py3-none-any.whl", zipped(files)


def _is_pure(found: importlib.metadata.Distribution) -> bool:
    return "Tag: py3-none-any" in (found.read_text("WHEEL") or "").splitlines()


def _record(files: Mapping[str, bytes | str], name: str) -> str:
    """The record of its files that a wheel contains under the name `name`."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for file, data in files.items():
        content = data.encode() if isinstance(data, str) else data
        told = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.writerow([file, f"sha256={told}", len(content)])
    rows.writerow([name, "", ""])
    return text.getvalue()
