"""A JupyterLab of a test's own, and what one does in it with a browser."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SECRET = "explorers"  # the server's token: it listens on this machine only
SETTINGS = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},  # nothing from outside
    "themes": {"adaptive-theme": True},  # dark where the system is
}
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@contextmanager
def serving(root: Path, private: Path, program: str = "jupyterlab") -> Iterator[str]:
    """The address of a Jupyter server that shows the folder `root`.

    root:    what its file browser shows; the server is started there
    private: an empty folder for its settings, so that none of this machine's play a part
    program: the module that is started: jupyterlab or notebook
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    folders = {
        f"JUPYTER{name}_DIR": str(private / name.lower().strip("_"))
        for name in ("_CONFIG", "_DATA", "_RUNTIME", "LAB_SETTINGS", "LAB_WORKSPACES")
    }
    settings = Path(folders["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in SETTINGS.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    command = [
        sys.executable, "-m", program, "--no-browser", "--allow-root",
        f"--ServerApp.root_dir={root}", f"--ServerApp.port={address.rpartition(':')[2]}",
        f"--IdentityProvider.token={SECRET}", "--ServerApp.port_retries=0",
    ]  # fmt: skip
    with (private / "log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=root,
            env={**os.environ, **folders},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(f"{address}/api?token={SECRET}", server, private / "log")
        yield address
    finally:
        everything = [psutil.Process(server.pid), *psutil.Process(server.pid).children(True)]
        server.terminate()  # upon which it ends its kernels
        for process in psutil.wait_procs(everything, timeout=20)[1]:
            process.kill()
        server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=10).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()}")


def open_notebook(page: Page, address: str, path: str) -> None:
    """Open a notebook in JupyterLab, alone in the window, and wait for its kernel."""
    page.goto(f"{address}/doc/tree/{path}?token={SECRET}")
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()


def choose(page: Page, *names: str) -> None:
    """Choose an entry of JupyterLab's menu, by the names on the way to it."""
    for name in names:
        page.get_by_role("menuitem").filter(has_text=re.compile(f"^{name}$")).click()
