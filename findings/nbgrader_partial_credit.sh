#!/bin/sh
# nbgrader 0.9.6 takes the last value of a test cell as partial credit. A value that is NaN or negative is not
# below full credit: the cell gets all of its points. A mean over an empty list, or a score from which too
# much was subtracted, so turns a failed test into full marks, without any message to the instructor.
# Exits with 0 while both are seen, with 1 once one of them is not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet nbgrader==0.9.6
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

from nbformat.v4 import new_code_cell, new_output
from nbgrader.utils import determine_grade

print(f"Python {sys.version.split()[0]}, nbgrader {importlib.metadata.version('nbgrader')}")


def points(value):
    """What a test cell of 4 points earns if its last value is this one."""
    cell = new_code_cell("score")
    cell.metadata["nbgrader"] = {
        "grade": True, "grade_id": "test", "locked": True, "points": 4, "schema_version": 3,
        "solution": False,
    }
    cell.outputs = [new_output("execute_result", {"text/plain": value}, execution_count=1)]
    return determine_grade(cell)[0]


seen = {value: points(value) for value in ("2.0", "nan", "-1.0")}
for value, score in seen.items():
    print(f"last value {value:>4}: {score:g} of 4 points")
sys.exit(seen != {"2.0": 2, "nan": 4, "-1.0": 4})
PYTHON
