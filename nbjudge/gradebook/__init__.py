"""The only writers of nbgrader's gradebook."""
