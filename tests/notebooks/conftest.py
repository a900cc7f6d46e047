"""Lets the tests of notebooks share problem_set.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
