"""What runs inside the sandbox.  It knows no answer: a submission can read all of it."""
