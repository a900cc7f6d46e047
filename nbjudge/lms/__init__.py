"""Learning management systems: rosters, downloads, and grade files."""
