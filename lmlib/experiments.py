"""Training runs on disk: nothing is overwritten, and an interrupted run can be resumed.

A run is a folder experiments/<run>/ with

    checkpoint.pt    the state of the training, replaced as it proceeds
    figures.json     its results, such as the validation loss
    predictions.npz  logits of the next character, to submit
    generations.txt  texts, to submit

Files are written completely or not at all, so that a crash in the middle of writing loses nothing.
"""

import io
import json
import os
import random
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmlib import submission_files
from lmlib.submission_files import GENERATIONS, PREDICTIONS, BadSubmission

FOLDER = Path("experiments")
HANDED_IN = (PREDICTIONS, GENERATIONS)
SLIPS = range(2, 6)  # counted from the end: the character swapped with the one before it


@dataclass(frozen=True)
class Contexts:
    """Beginnings of sentences as tokens, int64; each starts with <sos>."""

    validation: np.ndarray  # (N, 31): 30 characters, with a slip
    validation_follow: np.ndarray  # (N, 20): what follows them
    contexts: np.ndarray  # (N, 31), with a slip: the next character is to be scored
    beginnings: np.ndarray  # (M, 41): 30 more characters are to be generated
    test_set: str  # its name, which tells grading what a file was made for


def load_contexts(path: Path = Path("contexts.npz")) -> Contexts:
    """The contexts that came with the notebook.  Raises FileNotFoundError if there are none."""
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if name != "test_set"]
        tokens = {name: arrays[name].astype(np.int64) for name in names}
        return Contexts(**tokens, test_set=str(arrays["test_set"]))


def practice_contexts(sentences: Sequence[Sequence[int]]) -> Contexts:
    """Contexts for practice, from complete sentences of at least 70 characters as tokens.

    They have slips like those in contexts.npz, at the same positions each time.
    """
    draw = random.Random(0).random
    tokens = np.array([sentence[:71] for sentence in sentences if len(sentence) >= 72])
    third = len(tokens) // 3
    one, two, three = (tokens[at * third : (at + 1) * third] for at in range(3))
    one[:, :31], two[:, :31] = with_slips(one[:, :31], draw), with_slips(two[:, :31], draw)
    return Contexts(one[:, :31], one[:, 31:51], two[:, :31], three[:, :41], "practice")


def with_slips(rows: np.ndarray, draw: Callable[[], float]) -> np.ndarray:
    """Tokens (N, T), with two different neighbors swapped near the end of each row.

    draw: returns a random number from 0 up to 1
    """
    rows = rows.copy()
    for row in rows:
        ends = [len(row) - back for back in SLIPS]
        places = [at for at in ends if row[at] != row[at - 1]]
        if places:
            at = places[int(draw() * len(places))]
            row[[at - 1, at]] = row[[at, at - 1]]
    return rows


class RunError(Exception):
    """Something is wrong with a run. The message says what, and what to do."""


def new_run(folder: Path = FOLDER) -> Path:
    """The folder of a new, empty run, named after the current time."""
    name = time.strftime("%Y-%m-%d-%H%M%S")
    for number in range(1, 1000):
        run = folder / (name if number == 1 else f"{name}-{number}")
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            continue
        return run
    raise RunError(f"{folder} already has 999 runs from this second.")


def save_checkpoint(run: Path, state: Mapping[str, Any]) -> None:
    """Save the state of the training, replacing the one before.

    state: what torch.save takes, such as the state_dicts of model and optimizer
    """
    import torch

    file = io.BytesIO()
    torch.save(dict(state), file)
    write(run / "checkpoint.pt", file.getvalue())


def load_checkpoint(run: Path) -> dict[str, Any] | None:
    """The last state that was saved; None if there is none yet."""
    import torch

    try:
        state: dict[str, Any] = torch.load(run / "checkpoint.pt", map_location="cpu")
    except FileNotFoundError:
        return None
    return state


def save_predictions(run: Path, scores: Any, test_set: str) -> None:
    """Save logits (N, V) of the character after each context, to submit.

    test_set: the name in contexts.npz, which tells grading what they are for
    Raises RunError if the run already has predictions, or if a number is not finite.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if not np.isfinite(scores).all():
        raise RunError("Some of the scores are NaN or infinite; such predictions cannot be scored.")
    file = io.BytesIO()
    np.savez_compressed(file, scores=scores, test_set=np.array(test_set))
    _write_new(run / PREDICTIONS, file.getvalue())


def save_generations(run: Path, texts: Sequence[str], test_set: str) -> None:
    """Save the texts generated after each beginning, to submit.

    Raises RunError if the run already has generations.
    """
    lines = [f"test set {test_set}", *texts]
    _write_new(run / GENERATIONS, "".join(f"{line}\n" for line in lines).encode("ascii"))


def save_figures(run: Path, **figures: float) -> None:
    """Save figures of a run by name, together with those saved before."""
    known = _figures(run) | {name: float(value) for name, value in figures.items()}
    write(run / "figures.json", (json.dumps(known, indent=1) + "\n").encode())


def runs(folder: Path = FOLDER) -> list[tuple[str, dict[str, float]]]:
    """All runs and their figures, lowest validation loss first."""
    found = [(run.name, _figures(run)) for run in sorted(folder.glob("*")) if run.is_dir()]
    return sorted(found, key=lambda run: run[1].get("validation_nll", float("inf")))


def hand_in(run: Path, notebook: Path) -> Path:
    """Pack the notebook and the run's files into a zip next to the notebook, and return its path.

    Raises RunError, with the reason, for whatever is missing or would not be scored.
    """
    if not run.is_dir():
        raise RunError(f"There is no run {run}; `lmlib submit --list` shows the existing ones.")
    missing = [name for name in HANDED_IN if not (run / name).is_file()]
    if missing:
        raise RunError(f"The run {run.name} has no {' and no '.join(missing)} yet.")
    if not notebook.is_file():
        raise RunError(f"There is no notebook {notebook}.")
    _check_files(run, notebook.parent / "contexts.npz")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(notebook, notebook.name)
        for name in HANDED_IN:
            archive.write(run / name, name)
    packed = notebook.with_suffix(".zip")
    write(packed, file.getvalue())
    return packed


def _check_files(run: Path, contexts: Path) -> None:
    """Refuse what grading would not score; the test set is the one next to the notebook."""
    try:
        with np.load(contexts, allow_pickle=False) as arrays:
            name = str(arrays["test_set"])
            sizes = {PREDICTIONS: len(arrays["contexts"]), GENERATIONS: len(arrays["beginnings"])}
    except FileNotFoundError:
        raise RunError(f"There is no {contexts.name} next to the notebook.") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{contexts} is damaged, or not the one that came with the notebook: download it again."
        ) from error
    readers = {
        PREDICTIONS: submission_files.read_predictions,
        GENERATIONS: submission_files.read_generations,
    }
    for file, read in readers.items():
        try:
            read((run / file).read_bytes(), name, sizes[file])
        except BadSubmission as error:
            raise RunError(f"{run / file} {error}") from error


def _figures(run: Path) -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads((run / "figures.json").read_text())
    except FileNotFoundError:
        return {}
    return found


def _write_new(path: Path, content: bytes) -> None:
    if path.exists():
        raise RunError(f"{path} already exists and is not overwritten; make a new run.")
    write(path, content)


def write(path: Path, content: bytes) -> None:
    """Write a file completely or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
