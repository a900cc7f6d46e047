"""Trainings that are kept on disk, so that running a notebook again does not repeat them.

This module needs PyTorch; `import lmlib` does not load it.
"""

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lmlib import experiments
from lmlib.fingerprints import NoFingerprint, fingerprint

FOLDER = Path("trained")


def once(name: str, model: nn.Module | None, train: Callable[[], Any], *rests_on: object) -> Any:
    """What train() returns; from disk if it has run before and all that it rests on is the same.

    name:     of the training, and of its file in the folder trained/
    model:    what train() trains in place; its weights are kept too.  None: train() makes its own
    train:    returns numbers, texts, tensors, and lists and dictionaries of such
    rests_on: the functions, sizes and texts that it uses, but for the code and shapes of the model
    """
    weights = model.state_dict() if model is not None else {}
    shapes = {part: tuple(array.shape) for part, array in weights.items()}
    try:
        mark = fingerprint(type(model), shapes, rests_on)
    except NoFingerprint:  # something that cannot be compared with what it was
        return train()
    path = FOLDER / f"{re.sub('[^a-z0-9]+', '_', name.lower())}.pt"
    kept = _read(path)
    if kept.get("mark") == mark:
        if model is not None:
            model.load_state_dict(kept["weights"])
        print(f"{name}: trained by the same code before. Delete {path} to train it again.")
        return kept["found"]
    found = train()
    weights = model.state_dict() if model is not None else {}
    file = io.BytesIO()
    torch.save({"mark": mark, "weights": weights, "found": found}, file)
    FOLDER.mkdir(exist_ok=True)
    experiments.write(path, file.getvalue())
    return found


def _read(path: Path) -> dict[str, Any]:
    """What is kept; nothing if there is no file, or one that cannot be read."""
    try:
        kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return {}
    return kept
