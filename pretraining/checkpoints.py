"""Checkpoints of a training run, and files that are never half written."""

from pathlib import Path
from typing import Any

import torch
from torch import nn


def keep(
    checkpoint: Path,
    settings: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: dict[str, Any],
) -> None:
    """Write everything that the rest of the run depends on; progress is the loop's own state."""
    unfinished = checkpoint.with_suffix(".part")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "settings": settings,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "dropout": torch.get_rng_state(),
        "progress": progress,
    }
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)


def restore(
    checkpoint: Path,
    settings: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> dict[str, Any]:
    """Restore the state at the checkpoint, and return what the loop remembered there.

    Raises SystemExit if there is no checkpoint, or one of a run with other settings.
    """
    if not checkpoint.exists():
        raise SystemExit(f"There is no checkpoint at {checkpoint}: start without --resume.")
    state = torch.load(checkpoint, weights_only=True)
    if state["settings"] != settings:
        raise SystemExit(
            f"The checkpoint at {checkpoint} was made with other settings:"
            " use the same ones, or start without --resume."
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["dropout"])
    progress: dict[str, Any] = state["progress"]
    return progress


def write_in_one_step(path: Path, content: bytes) -> None:
    """Write a file atomically: an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
