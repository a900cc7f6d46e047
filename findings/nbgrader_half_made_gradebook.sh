#!/bin/sh
# nbgrader 0.9.6 makes the tables of a new gradebook first, and then calls the program alembic to learn their version.
# If that is not on the PATH (nbgrader called by its full path, from cron or a notebook), the first command fails, the
# second one works, and the gradebook has no version from then on: "nbgrader db upgrade" fails when a later version
# needs it. Seen with SQLite, which is what this runs, and with PostgreSQL.
# Exits with 0 while this is seen, with 1 once it is not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet nbgrader==0.9.6 sqlalchemy==2.0.36 alembic==1.14.0
cd "$folder"
cat >ask.py <<'PYTHON'
import importlib.metadata
import sys

from nbgrader.api import Gradebook
from sqlalchemy import inspect

print(f"Python {sys.version.split()[0]}, nbgrader {importlib.metadata.version('nbgrader')}")
try:
    Gradebook("sqlite:///gradebook.db")
    sys.exit("the first call made a whole gradebook")
except FileNotFoundError as error:
    print(f"first call:  {error}")
with Gradebook("sqlite:///gradebook.db") as gradebook:
    gradebook.add_student("ada")
    tables = inspect(gradebook.engine).get_table_names()
    print(f"second call: {len(gradebook.students)} student, {len(tables)} tables")
    print(f"alembic_version is among them: {'alembic_version' in tables}")
    sys.exit("alembic_version" in tables)
PYTHON
PATH=/usr/bin:/bin "$folder/env/bin/python" ask.py
if PATH="$folder/env/bin:$PATH" nbgrader db upgrade >upgrade.log 2>&1; then
    echo "nbgrader db upgrade works"
    exit 1
fi
grep OperationalError upgrade.log | tail -n 1
