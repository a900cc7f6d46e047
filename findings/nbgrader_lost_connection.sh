#!/bin/sh
# nbgrader 0.9.6 with its gradebook in PostgreSQL: the formgrader keeps one session for as long as Jupyter runs. Once the
# server has been restarted, every call of that session raises "Can't reconnect until invalid transaction is rolled
# back", and nbgrader never rolls back: all pages fail until Jupyter is restarted.
# Needs PostgreSQL's initdb and pg_ctl on the PATH, and a user other than root.
# Exits with 0 while this is seen, with 1 once it is not, with 2 without PostgreSQL.
set -eu
command -v initdb >/dev/null && command -v pg_ctl >/dev/null && [ "$(id -u)" -ne 0 ] || {
    echo "needs initdb and pg_ctl, and a user other than root" >&2
    exit 2
}
folder=$(mktemp -d)
trap 'pg_ctl -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet nbgrader==0.9.6 sqlalchemy==2.0.36 alembic==1.14.0 "psycopg[binary]==3.2.3"
initdb --auth=trust --username=course --no-locale --encoding=UTF8 -D "$folder/data" >/dev/null
printf "listen_addresses=''\nunix_socket_directories='%s'\n" "$folder" >>"$folder/data/postgresql.conf"
pg_ctl -D "$folder/data" -l "$folder/log" -w start >/dev/null
cd "$folder"
PATH="$folder/env/bin:$PATH" "$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

print(f"Python {sys.version.split()[0]}, nbgrader {importlib.metadata.version('nbgrader')}")
print(subprocess.run(["postgres", "--version"], capture_output=True, text=True).stdout.strip())
here = Path.cwd()
gradebook = Gradebook(f"postgresql+psycopg://course@/postgres?host={here}")
print(f"before the restart: {len(gradebook.students)} students")
words = ["pg_ctl", "-D", "data", "-l", "log", "-m", "fast", "-w", "restart"]
subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
failed = 0
for call in range(1, 4):
    try:
        print(f"call {call} after it: {len(gradebook.students)} students")
    except Exception as error:
        failed += 1
        print(f"call {call} after it: {type(error).__name__}: {str(error).splitlines()[0]}")
gradebook.db.rollback()
print(f"after a rollback: {len(gradebook.students)} students")
sys.exit(failed != 3)
PYTHON
