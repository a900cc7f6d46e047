"""Digests of folders, remembered from one command to the next in the user's cache folder.

A folder's digest is reused only if every file has the same size, times, and inode number as when
it was read. The file of digests may be deleted at any time.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nbjudge.core import files
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest, write_text

SETTLED = 10  # seconds: a file that changes twice within a tick of its disk's clock looks unchanged


def remembered(root: Path, paths: Iterable[Path], compute: Callable[[], str]) -> str:
    """The digest of the folder `root`: what `compute` gives, or gave for the same files.

    paths: the files of that folder that the digest depends on
    """
    began = time.time()
    found = [(str(path), path.stat()) for path in paths]
    # digests also depend on what computes them: this package's code, and the Python that compiles
    code = [(str(path), path.stat()) for path in Path(files.__file__).parent.glob("*.py")]
    looks = [
        (name, one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino)
        for name, one in found + sorted(code)
    ]
    look = digest(sys.version, repr(looks))
    known = _read()
    if known.get(str(root), {}).get("look") == look:
        return str(known[str(root)]["digest"])
    computed = compute()
    newest = max((max(one.st_mtime, one.st_ctime) for _, one in found + code), default=0.0)
    if newest < began - SETTLED:
        _write(str(root), {"look": look, "digest": computed})
    return computed


def _place() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "nbjudge" / "digests.json"


def _read() -> dict[str, dict[str, Any]]:
    """Folder → what its files looked like, and its digest."""
    try:
        known = json.loads(_place().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: this user has no home
        return {}
    is_whole = isinstance(known, dict) and all(isinstance(one, dict) for one in known.values())
    return known if is_whole else {}


def _write(root: str, entry: dict[str, str]) -> None:
    """Remember a folder and forget deleted ones; does nothing if the cache cannot be written."""
    kept = {name: one for name, one in _read().items() if os.path.isdir(name)}
    with contextlib.suppress(CourseError, RuntimeError):
        write_text(_place(), json.dumps(kept | {root: entry}, indent=1) + "\n")
