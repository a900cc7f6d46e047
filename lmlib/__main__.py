"""`python -m lmlib` is the command `lmlib`."""

from lmlib.grading.cli import main

raise SystemExit(main())
