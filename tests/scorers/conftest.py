"""The small test set that most tests score files for."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from held_out_files import SMALL

from scorers import test_set


@pytest.fixture(scope="session")
def held() -> test_set.TestSet:
    return test_set.make(seed=5, sizes=SMALL)
