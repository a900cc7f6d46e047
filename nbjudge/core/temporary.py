"""Folders for a while: each bears the number of its process, so that leftovers can be told."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil


def make() -> Path:
    """A new empty folder, for its maker to remove."""
    return Path(tempfile.mkdtemp(prefix=f"nbjudge-{os.getpid()}-"))


def sweep() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("nbjudge-*-*"):
        number = re.match(r"nbjudge-(\d+)-", folder.name)
        if number and not psutil.pid_exists(int(number[1])):
            shutil.rmtree(folder, ignore_errors=True)
