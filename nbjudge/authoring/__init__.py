"""Making assignments: build, refusals, mistakes, audit, releases."""
