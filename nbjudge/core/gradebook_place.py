"""Place of a course's gradebook: `c.CourseDirectory.db_url` in its nbgrader_config.py.

That is where nbgrader itself reads and writes. The default is SQLite's gradebook.db in the course's
folder; in an archive it is always that file, wherever the gradebook was during the term.
"""

import ast
import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nbjudge.core.errors import CourseError
from nbjudge.core.files import ARCHIVE_MARK

CONFIG = "nbgrader_config.py"
SETTING = "CourseDirectory.db_url"
LONGEST_NAME = 128
"""Characters that nbgrader's tables give a name, an e-mail or an id; SQLite alone takes more."""

_URL = re.compile(
    r"(?P<database>\w+)(\+\w+)?://((?P<user>[^:/@]*)(:(?P<password>[^@]*))?@)?(?P<rest>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class GradebookPlace:
    """Where a gradebook is."""

    url: str = field(repr=False)  # as SQLAlchemy takes it, with any password
    path: Path | None  # the file of an SQLite gradebook
    shown: str  # for messages, without the password
    password: str = field(default="", repr=False)  # as it is written in the URL

    @property
    def is_postgresql(self) -> bool:
        return self.path is None

    def masked_in(self, config: str) -> str:
        """The text of an nbgrader_config.py with asterisks for the password in the URL."""
        return config.replace(f":{self.password}@", ":***@") if self.password else config

    def without_password(self, text: str) -> str:
        """`text` with asterisks for the password, wherever it stands."""
        for secret in {self.password, unquote(self.password)} - {""}:
            text = text.replace(secret, "***")
        return text


def place_of(root: Path) -> GradebookPlace:
    """The place of the gradebook of the course in the folder `root`.

    Raises CourseError if nbgrader_config.py cannot be read, or names a database that is neither
    SQLite nor PostgreSQL.
    """
    url = "" if (root / ARCHIVE_MARK).is_file() else _setting(root / CONFIG)
    return parsed(url, root) if url else _sqlite(root / "gradebook.db")


def parsed(url: str, root: Path) -> GradebookPlace:
    """The place with a URL of SQLAlchemy's; a relative path of SQLite's starts at `root`.

    Raises CourseError if it is neither SQLite's nor PostgreSQL's.
    """
    found = _URL.fullmatch(url)
    database = found["database"] if found else ""
    if found is None or database not in ("sqlite", "postgresql"):
        what = f"one of {database}" if database else "none"
        raise CourseError(
            f"The gradebook can be in SQLite or in PostgreSQL, but c.{SETTING} is the URL of "
            f"{what}: write sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
        )
    rest = found["rest"]
    if database == "sqlite":
        path = rest.removeprefix("/")
        if not rest.startswith("/") or path in ("", ":memory:") or "?" in path:
            raise CourseError(
                f"c.{SETTING} must name a file if it is a URL of SQLite's: sqlite:///PATH."
            )
        return _sqlite(root / path)
    if re.search(r"[?&](ssl)?password=", rest) or "@" in rest.partition("?")[0]:
        raise CourseError(
            f"c.{SETTING} has a password that cannot be told from the rest: write it between the "
            "user's : and the @, with %40 for an @ in it, or leave it to the file ~/.pgpass."
        )
    user = f"{found['user']}@" if found["user"] else ""
    return GradebookPlace(url, None, f"postgresql://{user}{rest}", found["password"] or "")


def is_default(root: Path, place: GradebookPlace) -> bool:
    """Whether the gradebook of the course in `root` is where it is unless a setting says else."""
    return place == _sqlite(root / "gradebook.db")


def _sqlite(path: Path) -> GradebookPlace:
    return GradebookPlace(f"sqlite:///{path}", path, str(path))


def _setting(path: Path) -> str:
    """The setting in the nbgrader_config.py at `path`; empty if it says nothing."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return ""


@functools.lru_cache
def _read(path: Path, _: int) -> str:
    try:
        found = _plain_setting(path.read_text(encoding="utf-8"))
        if found is None:
            from traitlets.config.loader import PyFileConfigLoader  # slow, and seldom needed

            config = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
            found = config.CourseDirectory.get("db_url", "")
    except OSError:
        raise
    except Exception as error:  # whatever the file raises
        raise CourseError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(found, str):
        raise CourseError(f"{path}: c.{SETTING} must be text.")
    return found


def _plain_setting(text: str) -> str | None:
    """The setting in a file that only imports, calls `nbgrader.wire(c)` and sets plain values.

    None if the file does more: then it must be run, and with it nbgrader imported for a second.
    """
    setting = ""
    for statement in ast.parse(text).body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()):
                continue
            case ast.Assign([ast.Name("c")], ast.Call(ast.Name("get_config"), [], [])):
                continue
            case ast.Expr(
                ast.Call(ast.Attribute(ast.Name("nbgrader"), "wire"), [ast.Name("c")], [])
            ):
                continue  # of this package, and it does not set where the gradebook is
            case ast.Assign([ast.Attribute() as target], ast.Constant(value)):
                named = ast.unparse(target)
                if not named.startswith("c.") or named == "c.CourseDirectory":
                    return None
                if named == f"c.{SETTING}":
                    setting = _text(value)
            case _:
                return None
    return setting


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"c.{SETTING} must be text, not {value!r}")
    return value
