#!/bin/sh
# nbgrader 0.9.6 reads a submission's timestamp.txt with nbgrader.utils.parse_utc. Offsets come out wrong:
# "+0500" is taken for 500 seconds, "+05:00" and "CEST" are ignored, while "CET" and "Europe/Berlin" are applied.
# Whoever copies times from an LMS export, or collects through an exchange outside UTC, gets late penalties for
# work that was on time, or none for work that was late, without any message.
# Exits with 0 while this is seen, with 1 once it is not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet nbgrader==0.9.6 python-dateutil==2.9.0.post0
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata
import sys
from datetime import datetime

from nbgrader.utils import parse_utc

print(f"Python {sys.version.split()[0]}, nbgrader {importlib.metadata.version('nbgrader')}")
right = {  # what is written, and the same time in UTC
    "2026-07-01 12:00:00 +0500": datetime(2026, 7, 1, 7),
    "2026-07-01 12:00:00 +05:00": datetime(2026, 7, 1, 7),
    "2026-07-01 12:00:00 CEST": datetime(2026, 7, 1, 10),
}
read = {text: parse_utc(text) for text in right}
for text, time in right.items():
    print(f"{text:28} is {time} UTC; read as {read[text]}")
sys.exit(any(read[text] == time for text, time in right.items()))
PYTHON
