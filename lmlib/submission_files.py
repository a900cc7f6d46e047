"""Readers of a run's two submitted files, with a one-sentence message for whatever is wrong.

`lmlib submit` reads the files before it packs them, and grading reads them again with the same
code. No code in a file is run: pickles are not allowed, and the size of arrays is limited.
"""

import io
import zipfile

import numpy as np

from lmlib.utterances import SYMBOLS, encode

PREDICTIONS, GENERATIONS = "predictions.npz", "generations.txt"
WRITTEN = 30  # characters in a generation
MOST_BYTES = 2_000_000  # of the arrays in a file; 2,048 times 31 float64 are 0.5 MB
LARGEST = 1e12  # allowed score; -1e9 for a masked character is fine
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-8 and UTF-16


class BadSubmission(Exception):
    """A file that cannot be scored. The message ends a sentence that begins with its name."""


def read_predictions(content: bytes, test_set: str, contexts: int) -> np.ndarray:
    """The logits in a predictions file: (contexts, V), float64, all finite.

    test_set: the name of the test set that the file must be made for
    Raises BadSubmission, which says what is wrong, if the file cannot be scored.
    """
    arrays = _arrays(content, ("test_set", "scores"))
    scores, wanted = arrays["scores"], (contexts, len(SYMBOLS))
    _check_made_for(str(arrays["test_set"]), test_set)
    if scores.dtype.kind != "f" or scores.dtype.itemsize not in (4, 8):
        raise BadSubmission(f"holds scores of type {scores.dtype}, not float32 or float64.")
    if scores.shape != wanted:
        raise BadSubmission(f"holds scores of shape {scores.shape}, not {wanted}.")
    if not np.isfinite(scores).all():
        place = np.argwhere(~np.isfinite(scores))[0].tolist()
        raise BadSubmission(f"holds scores that are NaN or infinite, the first at {place}.")
    if np.abs(scores).max() > LARGEST:
        place = np.argwhere(np.abs(scores) > LARGEST)[0].tolist()
        raise BadSubmission(
            f"holds the score {scores[tuple(place)]:.3g} at {place}; no model's raw scores go "
            f"beyond {LARGEST:.0e}."
        )
    return scores.astype(np.float64)


def read_generations(content: bytes, test_set: str, beginnings: int) -> np.ndarray:
    """The tokens in a generations file: (beginnings, WRITTEN), integers.

    The file has a line with the name of its test set, then a line for each beginning.
    Raises BadSubmission, which says what is wrong, if the file cannot be scored.
    """
    first, *lines = _lines(content)
    _check_made_for(first.removeprefix("test set "), test_set)
    if len(lines) != beginnings:
        raise BadSubmission(f"has {len(lines)} generations, not {beginnings}.")
    for number, line in enumerate(lines, start=1):
        if len(line) != WRITTEN:
            raise BadSubmission(
                f"has {len(line)} characters in generation {number}, not {WRITTEN}."
            )
        if line != line.upper():
            raise BadSubmission(f"has lower-case letters in generation {number}: {line!r}.")
        try:
            encode(line)
        except ValueError as error:
            raise BadSubmission(f"cannot be read in generation {number}: {error}") from error
    return np.array([encode(line)[1:-1] for line in lines])


def _arrays(content: bytes, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    _check_not_empty(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise BadSubmission(
                    f"is too large: its arrays may have at most {MOST_BYTES // 10**6} MB in total."
                )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except KeyError as error:
        raise BadSubmission(f"lacks an array: {error.args[0]}.") from error
    except BadSubmission:
        raise
    except Exception as error:  # whatever NumPy raises for a broken zip or array header
        raise BadSubmission("is not an .npz file of plain arrays, or is damaged.") from error


def _lines(content: bytes) -> list[str]:
    _check_not_empty(content)
    if content.startswith(MARKS):
        raise BadSubmission("begins with a byte order mark; save it as plain ASCII text.")
    try:
        return content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise BadSubmission(
            f"is not plain ASCII text: byte {error.start} is {content[error.start]:#04x}."
        ) from error


def _check_not_empty(content: bytes) -> None:
    if not content.strip():
        raise BadSubmission("is empty.")


def _check_made_for(name: str, test_set: str) -> None:
    if name != test_set:
        raise BadSubmission(
            "was made for other contexts than those of this course; make it again with the file "
            "contexts.npz that came with the notebook."
        )
