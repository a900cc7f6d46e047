"""Makes the modules of the bank, and those of the grading tests that it shares, importable."""

import sys
from pathlib import Path

HERE = Path(__file__).parent

sys.path[:0] = [str(HERE), str(HERE.parent / "nbjudge")]
