"""Temporary folders, named by their process's number so that leftovers can be recognized."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil


def make() -> Path:
    """A new empty folder, which the caller removes."""
    return Path(tempfile.mkdtemp(prefix=f"nbjudge-{os.getpid()}-"))


def sweep() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("nbjudge-*-*"):
        number = re.match(r"nbjudge-(\d+)-", folder.name)
        if number and not psutil.pid_exists(int(number[1])):
            shutil.rmtree(folder, ignore_errors=True)
