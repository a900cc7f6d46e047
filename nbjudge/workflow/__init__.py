"""What instructors do with a class: grade, watch, give feedback, and export grades."""
