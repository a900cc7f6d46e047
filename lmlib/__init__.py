"""What the notebooks of the course import: one module an idea, each read in one sitting.

Importing `lmlib` loads nothing else; `from lmlib import corpora` loads that one module.
"""

CHECKOUT = "0+checkout"
"""The version of lmlib where it is used from its sources."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is first asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import distributions
    from pathlib import Path

    here = str(Path(__file__).parents[1])  # elsewhere another version may be installed
    return next((found.version for found in distributions(name="lmlib", path=[here])), CHECKOUT)
