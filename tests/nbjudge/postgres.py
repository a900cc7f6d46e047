"""A PostgreSQL server of the tests' own, in a temporary folder, behind a Unix socket."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

PASSWORD = "a secret: 100%"
USERS = ("postgres", "nobody")
"""Users that may run the server if the tests are root's, who may not."""

SETTINGS = "listen_addresses=''\nshared_buffers='16MB'\nmax_connections=40\n"


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; Debian has none of them on the PATH."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = [Path(on_path)] if on_path else installed[-1:]
    return found[0].resolve().parent if found else None


def why_not() -> str:
    """Why there can be no server; empty if there can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is missing: pip install 'psycopg[binary]'"
    if programs() is None:
        return "PostgreSQL is missing: apt-get install postgresql"
    return "" if os.name == "posix" else "these tests start PostgreSQL on POSIX systems only"


class Server:
    """A server that is running; its databases go with its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = ""
        if os.getuid() == 0:
            known = {line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
            self.user = next(name for name in USERS if name in known)
            shutil.chown(folder, self.user)
        password = folder / "password"
        password.write_text(PASSWORD)
        words = ["--auth=scram-sha-256", f"--pwfile={password}", "--no-locale", "--no-sync"]
        self._run("initdb", "-U", "course", "-E", "UTF8", "-D", str(folder / "data"), *words)
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"{SETTINGS}unix_socket_directories='{folder}'\n")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        where = programs()
        assert where is not None
        before = ["runuser", "-u", self.user, "--"] if self.user else []
        command = [*before, str(where / program), *words]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def _control(self, *words: str) -> None:
        log = self.folder / "log"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(log), "-w", *words)

    def start(self) -> None:
        self._control("start")

    def stop(self) -> None:
        """Stop at once, whoever is connected; what was committed is kept."""
        self._control("stop", "-m", "immediate")

    def url(self, database: str) -> str:
        secret = quote(PASSWORD, safe="")
        return f"postgresql+psycopg://course:{secret}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of a database in which there is nothing."""
        import psycopg

        name = f"course_{uuid.uuid4().hex}"
        words = {"host": str(self.folder), "user": "course", "password": PASSWORD}
        with psycopg.connect(dbname="postgres", autocommit=True, **words) as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
        return self.url(name)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server, stopped at the end.  Its folder is one that another user may enter."""
    with tempfile.TemporaryDirectory(prefix="nbjudge-pg-") as folder:
        server = Server(Path(folder))
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test has stopped it
                server.stop()
