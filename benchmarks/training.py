"""Training loss and speed of the reference transformer of problem set 4.

    python benchmarks/training.py

nanoGPT's published setting for a CPU: 4 layers, 4 heads, width 128, a context window of 64, batches
of 12, 2,000 steps, no dropout, AdamW with a cosine schedule.  Its README reports a validation loss
of 1.88, on the text that `lmlib.corpora.load("tinyshakespeare")` loads if it is available; without
it, the nine plays of `load("shakespeare")` are used.  A model of the same size made of
`torch.nn.TransformerEncoder` is trained on the same batches, alternating with ours every 25 steps.
"""

import argparse
import contextlib
import io
import math
import statistics
import time
from pathlib import Path
from typing import Any

import nbformat
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmlib import batches, corpora, tokenizers, training

NAME = "ps4_bigram_to_transformer"
SOURCE = Path(__file__).parents[1] / "source" / NAME / f"{NAME}.ipynb"
CELLS = ("MultiHeadAttention", "FeedForward", "TransformerBlock", "TransformerLM")

LAYERS, HEADS, WIDTH, WINDOW, BATCH = 4, 4, 128, 64, 12
WARM_UP, RATE, LAST_RATE = 100, 1e-3, 1e-4
TURN = 25  # steps of one model before the other's


class OfTheLibrary(nn.Module):
    """The same model, of torch.nn's own layers."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, WIDTH)
        self.positions = nn.Embedding(WINDOW, WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(WIDTH)
        self.layers = nn.TransformerEncoder(layer, LAYERS, norm, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, vocab_size)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(WINDOW))
        for weight in self.parameters():
            if weight.ndim > 1:
                nn.init.normal_(weight, std=0.02)

    def forward(self, token_ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids and targets (B, T) to logits (B, T, V) and the mean loss."""
        T = token_ids.shape[1]
        x = self.tokens(token_ids) + self.positions.weight[:T]
        logits = self.head(self.layers(x, mask=self.mask[:T, :T], is_causal=True))
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def main() -> None:
    """Train both models and print their losses and speeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2_000)
    steps: int = parser.parse_args().steps
    torch.manual_seed(1337)

    text = load_text()
    tokenizer = tokenizers.CharacterTokenizer("".join(sorted(set(text))))
    train, held_out = batches.split(torch.from_numpy(tokenizer.encode(text)))
    models = {
        "ours": reference()(len(tokenizer), WINDOW, WIDTH, HEADS, LAYERS),
        "torch.nn.TransformerEncoder": OfTheLibrary(len(tokenizer)),
    }
    optimizers = {name: adamw(model) for name, model in models.items()}
    turns: dict[str, list[float]] = {name: [] for name in models}
    for first in range(0, steps, TURN):
        given = [batches.random_windows(train, WINDOW, BATCH) for _ in range(TURN)]
        for name, model in models.items():
            began = time.perf_counter()
            for step, batch in enumerate(given, start=first):
                take_step(model, optimizers[name], batch, rate(step, steps))
            turns[name].append(time.perf_counter() - began)

    def next_batch() -> training.Batch:
        return batches.random_windows(held_out, WINDOW, BATCH)

    for name, model in models.items():
        speed = TURN / statistics.median(turns[name])
        loss = training.mean_loss(model, next_batch, 200)
        size = training.count_parameters(model)
        print(f"{name:<28} {size:,} parameters  {speed:6.1f} steps/s  held-out loss {loss:.3f}")
    ratios = [theirs / ours for ours, theirs in zip(*turns.values(), strict=True)]
    print(f"speed of ours to the library's, median of {len(ratios)} turns: "
          f"{statistics.median(ratios):.2f}")  # fmt: skip


def load_text() -> str:
    """Tiny Shakespeare if available, otherwise our own plays; prints which."""
    try:
        corpus = corpora.load("tinyshakespeare")
    except (OSError, corpora.CorpusError):
        corpus = corpora.load("shakespeare")
    print(f"{corpus.source}, {len(corpus.text):,} characters")
    return corpus.text


def reference() -> Any:
    """The class TransformerLM of the source notebook."""
    cells = {cell.id: cell.source for cell in nbformat.read(SOURCE, as_version=4).cells}
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in CELLS:
            exec(cells[name], names)
    return names["TransformerLM"]


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only."""
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))


def rate(step: int, steps: int) -> float:
    """The learning rate: linear warm-up, then a cosine down to a tenth."""
    if step < WARM_UP:
        return RATE * (step + 1) / (WARM_UP + 1)
    share = (step - WARM_UP) / max(1, steps - WARM_UP)
    return LAST_RATE + 0.5 * (1 + math.cos(math.pi * share)) * (RATE - LAST_RATE)


def take_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: training.Batch, rate: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    _, loss = model(*batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


if __name__ == "__main__":
    main()
