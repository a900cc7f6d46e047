"""Runs of a training on disk: nothing is overwritten, and what was begun can be gone on with.

A run is a folder experiments/<run>/ with

    checkpoint.pt    the training's state, replaced as it goes on
    figures.json     what it has reached, such as the loss on validation text
    predictions.npz  raw scores of the next character, to hand in
    generations.txt  texts, to hand in

Files appear whole or not at all, so that a crash in the middle of writing costs nothing.
"""

import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path("experiments")
HANDED_IN = ("predictions.npz", "generations.txt")


@dataclass(frozen=True)
class Contexts:
    """Beginnings of sentences as tokens, int64; each starts with <sos>."""

    validation: np.ndarray  # (N, 31): 30 characters
    validation_follow: np.ndarray  # (N, 20): what follows them
    contexts: np.ndarray  # (N, 31): the next character is to be scored
    beginnings: np.ndarray  # (M, 41): 30 characters are to be written
    fixture: str  # by which grading knows what a file was made for


def load_contexts(path: Path = Path("contexts.npz")) -> Contexts:
    """The contexts that came with the notebook.  Raises FileNotFoundError where there are none."""
    with np.load(path, allow_pickle=False) as arrays:
        tokens = {name: arrays[name].astype(np.int64) for name in arrays.files if name != "fixture"}
        return Contexts(**tokens, fixture=str(arrays["fixture"]))


def practice_contexts(sentences: Sequence[Sequence[int]]) -> Contexts:
    """Contexts of one's own, from complete sentences of at least 70 characters as tokens."""
    tokens = np.array([sentence[:71] for sentence in sentences if len(sentence) >= 72])
    third = len(tokens) // 3
    one, two, three = (tokens[at * third : (at + 1) * third] for at in range(3))
    return Contexts(one[:, :31], one[:, 31:51], two[:, :31], three[:, :41], "practice")


class RunError(Exception):
    """Something is wrong with a run. The message says what, and what to do."""


def new_run(folder: Path = FOLDER) -> Path:
    """A new, empty run, named after the time; its folder."""
    name = time.strftime("%Y-%m-%d-%H%M%S")
    for number in range(1, 1000):
        run = folder / (name if number == 1 else f"{name}-{number}")
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            continue
        return run
    raise RunError(f"There are already 999 runs of this second in {folder}.")


def save_checkpoint(run: Path, state: Mapping[str, Any]) -> None:
    """Keep the state of a training, in place of the one before.

    state: what torch.save takes, such as the state_dicts of model and optimizer
    """
    import torch

    file = io.BytesIO()
    torch.save(dict(state), file)
    write(run / "checkpoint.pt", file.getvalue())


def load_checkpoint(run: Path) -> dict[str, Any] | None:
    """The last state that was kept; None where the training has not begun yet."""
    import torch

    try:
        state: dict[str, Any] = torch.load(run / "checkpoint.pt", map_location="cpu")
    except FileNotFoundError:
        return None
    return state


def save_predictions(run: Path, scores: Any, fixture: str) -> None:
    """Keep raw scores (N, V) of the character after each context, to hand in.

    fixture: the name in contexts.npz, by which grading knows what they are for
    Raises RunError if the run has predictions already, or numbers that are not finite.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if not np.isfinite(scores).all():
        raise RunError("Some of the scores are NaN or infinite; such predictions cannot be scored.")
    file = io.BytesIO()
    np.savez_compressed(file, scores=scores, fixture=np.array(fixture))
    _write_new(run / "predictions.npz", file.getvalue())


def save_generations(run: Path, texts: Sequence[str], fixture: str) -> None:
    """Keep the texts written after each beginning, to hand in.

    Raises RunError if the run has generations already.
    """
    lines = [f"fixture {fixture}", *texts]
    _write_new(run / "generations.txt", "".join(f"{line}\n" for line in lines).encode("ascii"))


def save_figures(run: Path, **figures: float) -> None:
    """Keep what a run has reached, by name, together with the figures kept before."""
    known = _figures(run) | {name: float(value) for name, value in figures.items()}
    write(run / "figures.json", (json.dumps(known, indent=1) + "\n").encode())


def runs(folder: Path = FOLDER) -> list[tuple[str, dict[str, float]]]:
    """All runs and their figures, the lowest validation loss first."""
    found = [(run.name, _figures(run)) for run in sorted(folder.glob("*")) if run.is_dir()]
    return sorted(found, key=lambda run: run[1].get("validation_nll", float("inf")))


def hand_in(run: Path, notebook: Path) -> Path:
    """Pack the notebook and what the run hands in into one zip beside the notebook; its path.

    Raises RunError, with the reason, for whatever is missing or would not be scored.
    """
    if not run.is_dir():
        raise RunError(f"There is no run {run}; `lmlib submit --list` shows those there are.")
    missing = [name for name in HANDED_IN if not (run / name).is_file()]
    if missing:
        raise RunError(f"The run {run.name} has no {' and no '.join(missing)} yet.")
    if not notebook.is_file():
        raise RunError(f"There is no notebook {notebook}.")
    _check_made_for(run, notebook.parent / "contexts.npz")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(notebook, notebook.name)
        for name in HANDED_IN:
            archive.write(run / name, name)
    packed = notebook.with_suffix(".zip")
    write(packed, file.getvalue())
    return packed


def _check_made_for(run: Path, contexts: Path) -> None:
    """Refuse files that were made for other contexts than those beside the notebook."""
    try:
        with np.load(contexts, allow_pickle=False) as arrays:
            fixture, shape = str(arrays["fixture"]), (len(arrays["contexts"]), 31)
            beginnings = len(arrays["beginnings"])
    except FileNotFoundError:
        raise RunError(f"There is no {contexts.name} beside the notebook.") from None
    with np.load(run / "predictions.npz", allow_pickle=False) as arrays:
        scores, made_for = arrays["scores"], str(arrays["fixture"])
    first, *lines = (run / "generations.txt").read_text("ascii").splitlines()
    if made_for != fixture or first != f"fixture {fixture}":
        raise RunError(f"The run {run.name} was made for other contexts than {contexts}.")
    if scores.shape != shape:
        raise RunError(f"The run {run.name} has scores of shape {scores.shape}, not {shape}.")
    if len(lines) != beginnings:
        raise RunError(f"The run {run.name} has {len(lines)} generations, not {beginnings}.")


def _figures(run: Path) -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads((run / "figures.json").read_text())
    except FileNotFoundError:
        return {}
    return found


def _write_new(path: Path, content: bytes) -> None:
    if path.exists():
        raise RunError(f"{path} is there already and stays as it is; make a new run.")
    write(path, content)


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
