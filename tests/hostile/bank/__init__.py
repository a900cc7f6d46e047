"""The bank: importing this package fills `entries.ENTRIES`."""

from entries import ENTRIES

from bank import (
    crashes,
    files,
    forgery,
    honest,
    kernel,
    metadata,
    output,
    resources,
    tampering,
    theft,
    values,
)

CATEGORIES = (
    kernel, forgery, values, crashes, theft, tampering, resources, metadata, files, output, honest,
)  # fmt: skip

__all__ = ["CATEGORIES", "ENTRIES"]
