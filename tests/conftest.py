"""On a machine without a sandbox, tests run kernels without one; those of the sandbox skip."""

import os

from lmlib.grading import engine, sandbox

if sandbox.why_not():
    os.environ.setdefault(engine.SANDBOX, "none")
