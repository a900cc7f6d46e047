"""What runs inside the sandbox: of `lmlib.grading`, a submission can see this, `observe` and `key`."""
