"""Training of a recurrent character model with PyTorch.

The same seed gives the same file byte for byte on the same machine: one thread, deterministic
algorithms, and every random choice drawn from one generator. An interrupted run can be resumed
from its last checkpoint with `--resume` and ends with the same file as an uninterrupted one.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from lmlib import corpora, tokenizers
from pretraining import checkpoints


@dataclass(frozen=True)
class Settings:
    """The settings that determine the result of a training run, besides the text."""

    epochs: int  # at most: training stops early when the development split says so
    seed: int
    patience: int  # epochs without improvement on the development split before stopping
    learning_rate: float  # falls to a hundredth along a cosine
    dropout: float  # on what a layer hands to the next
    character_dropout: float = 0.0  # share of the characters read that training hides
    development_share: float = 0.05  # of the training extract, its end
    rows: int = 32  # B, stretches of text read in parallel
    window: int = 96  # T, characters between two updates
    gradient_norm: float = 1.0  # longer gradients are shortened to this


class CharacterModel(nn.Module):
    """What the training loop asks of a model besides nn.Module's own methods."""

    def __init__(self, vocabulary_size: int, settings: Settings):
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.dropout = nn.Dropout(settings.dropout)
        self.character_dropout = settings.character_dropout

    def one_hot(self, indices: Tensor) -> Tensor:
        """indices (B, T) -> (B, T, V); in training a share of the characters is all zeros."""
        one_hot = nn.functional.one_hot(indices, self.vocabulary_size).float()
        if self.training and self.character_dropout:
            seen = torch.rand(indices.shape) >= self.character_dropout  # (B, T)
            one_hot = one_hot * seen[..., None]
        return one_hot

    def forward(self, indices: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """indices (B, T) and the states before them -> logits (B, T, V), the states after them."""
        raise NotImplementedError

    def zero_states(self, rows: int) -> list[Tensor]:
        """The states before the first character of each row."""
        raise NotImplementedError

    def keras_arrays(self) -> dict[str, Tensor]:
        """The parameters in the order of Keras's get_weights(), by name."""
        raise NotImplementedError


def windows(
    indices: Tensor, settings: Settings, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets (B, T) of one epoch. Row b continues where it stopped in the last window.

    Each epoch starts at another character, so that windows do not always break at the same places.
    """
    offset = int(torch.randint(settings.window, (), generator=generator))
    length = (len(indices) - 1 - offset) // settings.rows
    inputs = indices[offset:][: settings.rows * length].view(settings.rows, length)
    targets = indices[offset + 1 :][: settings.rows * length].view(settings.rows, length)
    for start in range(0, length - settings.window + 1, settings.window):
        stop = start + settings.window
        yield inputs[:, start:stop], targets[:, start:stop]


def train_epoch(
    model: CharacterModel,
    optimizer: torch.optim.Optimizer,
    indices: Tensor,
    settings: Settings,
    generator: torch.Generator,
) -> float:
    """One pass over indices (n,); the mean loss in nats per character."""
    model.train()
    states = model.zero_states(settings.rows)
    losses = []
    for inputs, targets in windows(indices, settings, generator):
        logits, states = model(inputs, [state.detach() for state in states])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def mean_loss(model: CharacterModel, indices: Tensor) -> float:
    """The loss on indices (n,), read in one piece from a zero state, in nats per character."""
    model.eval()
    logits, _ = model(indices[None, :-1], model.zero_states(1))
    return nn.functional.cross_entropy(logits[0], indices[1:]).item()


def learning_rate(settings: Settings, epoch: int) -> float:
    """From the settings' rate down to a hundredth of it, along half a cosine."""
    progress = epoch / max(1, settings.epochs - 1)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(
    name: str,
    model_class: type[CharacterModel],
    settings: Settings,
    out: Path,
    checkpoint: Path,
    resume: bool,
) -> dict[str, Any]:
    """Train, write the weights to out, and return the history: one entry an epoch.

    The weights kept are those of the epoch with the lowest loss on the development split.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)

    training_text, _ = corpora.rnn_extracts()
    tokenizer = tokenizers.CharacterTokenizer("".join(sorted(set(training_text))))
    indices = torch.from_numpy(tokenizer.encode(training_text))
    development_length = int(len(indices) * settings.development_share)
    training, development = indices[:-development_length], indices[-development_length:]

    model = model_class(len(tokenizer), settings)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
    history: list[dict[str, float]] = []
    best: dict[str, Any] = {"development": math.inf, "epoch": -1, "arrays": {}}
    if resume:
        progress = checkpoints.restore(checkpoint, asdict(settings), model, optimizer)
        history, best = progress["history"], progress["best"]
        generator.set_state(progress["windows"])

    for epoch in range(len(history), settings.epochs):
        if epoch - best["epoch"] > settings.patience and best["epoch"] >= 0:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, epoch)
        loss = train_epoch(model, optimizer, training, settings, generator)
        development_loss = mean_loss(model, development)
        history.append({"training": loss, "development": development_loss})
        if development_loss < best["development"]:
            best = {
                "development": development_loss,
                "epoch": epoch,
                "arrays": in_half_precision(model.keras_arrays()),
            }
        progress = {"history": history, "best": best, "windows": generator.get_state()}
        checkpoints.keep(checkpoint, asdict(settings), model, optimizer, progress)
        print(
            f"epoch {epoch + 1}: training {loss:.4f}, development {development_loss:.4f}",
            flush=True,
        )

    export(name, best["arrays"], tokenizer.vocabulary, out)
    return {"settings": asdict(settings), "history": history, "best_epoch": best["epoch"] + 1}


def in_half_precision(arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the arrays as float16, as the weights file holds them."""
    return {name: array.detach().half().contiguous() for name, array in arrays.items()}


def export(name: str, arrays: dict[str, Tensor], vocabulary: str, out: Path) -> None:
    """Write the arrays, their order and the vocabulary as safetensors, in one step."""
    description = {"model": name, "order": list(arrays), "vocabulary": vocabulary}
    # one entry only: safetensors writes several in an order that changes from run to run
    metadata = {"description": json.dumps(description)}
    checkpoints.write_in_one_step(out, save(arrays, metadata))
