"""The library that the course notebooks import: one short module for each idea.

Importing `lmlib` loads nothing else; `from lmlib import corpora` loads that one module.
"""

CHECKOUT = "0+checkout"
"""The version of lmlib when it is used from a checkout."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up only when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import distributions
    from pathlib import Path

    here = str(Path(__file__).parents[1])  # another version may be installed elsewhere
    return next((found.version for found in distributions(name="lmlib", path=[here])), CHECKOUT)
