"""What the notebooks of the course import: one module an idea, each read in one sitting.

Importing `lmlib` loads nothing else; `from lmlib import corpora` loads that one module.
"""

__version__ = "0.1.0"
