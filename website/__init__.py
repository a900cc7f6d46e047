"""The course as a web site: README, docs and the released notebooks, through Sphinx."""
