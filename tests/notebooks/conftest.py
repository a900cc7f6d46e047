"""Lets the tests of notebooks share problem_set.py, and leaves no figure behind."""

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module", autouse=True)
def closed_figures() -> Iterator[None]:
    """Figures of cells that ran in this process do not outlive the tests of their file."""
    yield
    plt.close("all")
