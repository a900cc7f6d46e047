"""Learning management systems: a file for each, behind one protocol, and what they share."""
