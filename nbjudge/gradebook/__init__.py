"""Reading and writing of nbgrader's gradebook; nothing else writes to it."""
