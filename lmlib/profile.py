"""Profiles: how much work a notebook does, "smoke" (seconds), "cpu" (minutes) or "gpu"."""

import importlib.util
import os
import shutil
import sys

from lmlib import refusals

PROFILES = ("smoke", "cpu", "gpu")


def choose() -> str:
    """Choose a profile, and print which one and why; cells that need more say so from then on.

    The environment variable LMLIB_PROFILE decides if it is set. Otherwise it is "smoke" under
    nbgrader's Validate button, which waits half a minute for a cell, "gpu" if PyTorch can use
    one, and "cpu" otherwise. Raises ValueError for a profile that does not exist.
    """
    refusals.install()
    profile, reason = _choice()
    print(f"Profile: {profile} ({reason}).")
    return profile


def _choice() -> tuple[str, str]:
    if asked := os.environ.get("LMLIB_PROFILE"):
        if asked not in PROFILES:
            raise ValueError(
                f"LMLIB_PROFILE is {asked!r}, which is not a profile: set it to smoke, cpu or gpu,"
                " or unset it."
            )
        return asked, "LMLIB_PROFILE says so"
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        return "smoke", "nbgrader is validating"
    if "torch" not in sys.modules:  # importing it takes seconds: avoid that if possible
        if importlib.util.find_spec("torch") is None:
            return "cpu", "PyTorch is not installed"
        if shutil.which("nvidia-smi") is None:
            return "cpu", "this machine shows no GPU that PyTorch could use"
    import torch

    if torch.cuda.is_available():
        return "gpu", f"PyTorch can use {torch.cuda.get_device_name()}"
    return "cpu", "PyTorch finds no GPU"
