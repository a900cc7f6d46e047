"""An assignment as an autograder for Gradescope."""
