"""The character model of the first problem set: two tanh layers, trained with PyTorch.

The same seed gives the same file byte for byte on the same machine: one thread, deterministic
algorithms, and every random choice drawn from one generator. A run that was interrupted goes on
from its last checkpoint with `--resume` and ends with the file an uninterrupted run gives.
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

NAMES = ["W_xh1", "W_h1h1", "b_h1", "W_h1h2", "W_h2h2", "b_h2", "W_h2y", "b_y"]


@dataclass(frozen=True)
class Settings:
    """What decides the result of a training run, besides the text."""

    epochs: int = 80  # at most: training stops early when the development split says so
    seed: int = 2
    patience: int = 20  # epochs without improvement on the development split before stopping
    development_share: float = 0.05  # of the training extract, its end
    rows: int = 32  # B, stretches of text read side by side
    window: int = 96  # T, characters between two updates
    learning_rate: float = 3e-3  # falls to a hundredth along a cosine
    dropout: float = 0.05  # on what a layer hands to the next
    gradient_norm: float = 1.0  # longer gradients are shortened to this


class CharacterRNN(nn.Module):
    """Two tanh layers, one bias each, and a dense output layer."""

    def __init__(self, vocabulary_size: int, dropout: float):
        super().__init__()
        self.layer1 = nn.RNN(vocabulary_size, 128, batch_first=True)
        self.layer2 = nn.RNN(128, 64, batch_first=True)
        self.output = nn.Linear(64, vocabulary_size)
        self.dropout = nn.Dropout(dropout)
        self.vocabulary_size = vocabulary_size
        for layer in (self.layer1, self.layer2):
            parameters = dict(layer.named_parameters())
            nn.init.orthogonal_(parameters["weight_hh_l0"])
            # PyTorch adds two biases where the course's model has one: hold the second at zero
            nn.init.zeros_(parameters["bias_hh_l0"]).requires_grad_(False)

    def forward(self, indices: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """indices (B, T), states (1, B, 128) and (1, B, 64) -> logits (B, T, V), states."""
        one_hot = nn.functional.one_hot(indices, self.vocabulary_size).float()  # (B, T, V)
        h1, last1 = self.layer1(one_hot, states[0])  # (B, T, 128)
        h2, last2 = self.layer2(self.dropout(h1), states[1])  # (B, T, 64)
        return self.output(self.dropout(h2)), [last1, last2]

    def zero_states(self, rows: int) -> list[Tensor]:
        """The states before the first character."""
        return [torch.zeros(1, rows, 128), torch.zeros(1, rows, 64)]

    def keras_arrays(self) -> list[Tensor]:
        """The 8 parameters in the order of NAMES, float16; matrices are (inputs, outputs)."""
        arrays: list[Tensor] = []
        for layer in (self.layer1, self.layer2):
            own = dict(layer.named_parameters())
            arrays += [own["weight_ih_l0"].T, own["weight_hh_l0"].T, own["bias_ih_l0"]]
        arrays += [self.output.weight.T, self.output.bias]
        return [array.detach().half().contiguous() for array in arrays]


def windows(
    indices: Tensor, settings: Settings, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets (B, T) of one epoch. Row b of a window goes on where the last one stopped.

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
    model: CharacterRNN,
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
def mean_loss(model: CharacterRNN, indices: Tensor) -> float:
    """The loss on indices (n,), read in one piece from a zero state, in nats per character."""
    model.eval()
    logits, _ = model(indices[None, :-1], model.zero_states(1))
    return nn.functional.cross_entropy(logits[0], indices[1:]).item()


def learning_rate(settings: Settings, epoch: int) -> float:
    """From the settings' rate down to a hundredth of it, along half a cosine."""
    progress = epoch / max(1, settings.epochs - 1)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(settings: Settings, out: Path, checkpoint: Path, resume: bool) -> dict[str, Any]:
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

    model = CharacterRNN(len(tokenizer), settings.dropout)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
    history: list[dict[str, float]] = []
    best: dict[str, Any] = {"development": math.inf, "epoch": -1, "arrays": []}
    if resume:
        history, best = restore(checkpoint, settings, model, optimizer, generator)

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
                "arrays": model.keras_arrays(),
            }
        keep(checkpoint, settings, model, optimizer, generator, history, best)
        print(f"epoch {epoch + 1}: training {loss:.4f}, development {development_loss:.4f}")

    export(best["arrays"], tokenizer.vocabulary, out)
    return {"settings": asdict(settings), "history": history, "best_epoch": best["epoch"] + 1}


def export(arrays: list[Tensor], vocabulary: str, out: Path) -> None:
    """Write the arrays, their order and the vocabulary as safetensors, in one step."""
    description = {"model": "rnn", "order": NAMES, "vocabulary": vocabulary}
    # one entry only: safetensors writes several in an order that changes from run to run
    metadata = {"description": json.dumps(description)}
    write_in_one_step(out, save(dict(zip(NAMES, arrays, strict=True)), metadata))


def keep(
    checkpoint: Path,
    settings: Settings,
    model: CharacterRNN,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    history: list[dict[str, float]],
    best: dict[str, Any],
) -> None:
    """Write all that the next epoch depends on."""
    unfinished = checkpoint.with_suffix(".part")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "settings": asdict(settings),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "windows": generator.get_state(),
        "dropout": torch.get_rng_state(),
        "history": history,
        "best": best,
    }
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)


def restore(
    checkpoint: Path,
    settings: Settings,
    model: CharacterRNN,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Bring everything back to where the checkpoint was written; its history and best epoch."""
    if not checkpoint.exists():
        raise SystemExit(f"There is no checkpoint at {checkpoint}: start without --resume.")
    state = torch.load(checkpoint, weights_only=True)
    if state["settings"] != asdict(settings):
        raise SystemExit(
            f"The checkpoint at {checkpoint} was made with other settings:"
            " give the same ones, or start without --resume."
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    generator.set_state(state["windows"])
    torch.set_rng_state(state["dropout"])
    return state["history"], state["best"]


def write_in_one_step(path: Path, content: bytes) -> None:
    """Write a file so that an interruption leaves the old one or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
