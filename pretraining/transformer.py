"""The transformer of the second problem set, trained on the complete plays.

It has no layer norm and no biases but the last, so that a student can write all of it in NumPy. The
same seed gives the same file on the same machine; `--resume` continues an interrupted run.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from lmlib.tokenizers import BytePairTokenizer
from pretraining import byte_pairs, checkpoints, plays


@dataclass(frozen=True)
class Settings:
    """The settings that determine the result of a training run, besides the text."""

    steps: int = 4_500
    seed: int = 3
    vocabulary_size: int = 1_024  # V
    block_size: int = 128  # T, the maximum number of tokens that the model sees
    d_model: int = 512  # D
    n_layers: int = 4  # L
    n_heads: int = 8
    d_ff: int = 1_024
    rows: int = 16  # B, windows a step
    dropout: float = 0.1  # on the embeddings and on what each part adds to the stream
    learning_rate: float = 1e-3  # reached after the warm-up, falls to a hundredth along a cosine
    warmup: int = 200  # steps
    weight_decay: float = 0.1  # of the matrices, not of the embeddings
    gradient_norm: float = 1.0  # longer gradients are shortened to this
    evaluate_every: int = 250  # steps


class SinusoidalPositions(nn.Module):
    """Sines of all frequencies, then cosines (Vaswani et al. 2017, section 3.5, concatenated)."""

    inv_freq: Tensor

    def __init__(self, d_model: int, base: float = 10_000.0):
        super().__init__()
        exponents = torch.arange(0, d_model, 2) / d_model
        self.register_buffer("inv_freq", base**-exponents)  # (D / 2,)

    def forward(self, length: int) -> Tensor:
        """The embeddings of the first positions: (T, D)."""
        angles = torch.arange(length)[:, None] * self.inv_freq  # (T, D / 2)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Attention(nn.Module):
    """Causal multi-head self-attention; the heads are concatenated along each output axis."""

    def __init__(self, d_model: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.wq, self.wk, self.wv, self.wo = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D) -> (B, T, D)"""
        B, T, D = x.shape
        q, k, v = (
            project(x).view(B, T, self.n_heads, -1).transpose(1, 2)  # (B, heads, T, D / heads)
            for project in (self.wq, self.wk, self.wv)
        )
        attended = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(attended.transpose(1, 2).reshape(B, T, D))


class Block(nn.Module):
    """Attention, then an MLP, each added to the stream that it reads."""

    def __init__(self, settings: Settings):
        super().__init__()
        D, width = settings.d_model, settings.d_ff
        self.attention = Attention(D, settings.n_heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(D, width, bias=False), nn.ReLU(), nn.Linear(width, D, bias=False)
        )
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D) -> (B, T, D)"""
        x = x + self.dropout(self.attention(x))
        return x + self.dropout(self.feed_forward(x))


class Transformer(nn.Module):
    """Its state_dict has the names under which students find the arrays."""

    def __init__(self, settings: Settings):
        super().__init__()
        D, V = settings.d_model, settings.vocabulary_size
        self.word_embedding = nn.Embedding(V, D)
        self.position_embedding = SinusoidalPositions(D)
        self.layers = nn.ModuleList(Block(settings) for _ in range(settings.n_layers))
        self.fc_out = nn.Linear(D, V)
        self.dropout = nn.Dropout(settings.dropout)
        self._initialise(settings)

    def _initialise(self, settings: Settings) -> None:
        """Without a norm the stream must neither grow nor fade: each part adds a little to it."""
        into_stream = ("wo.weight", "feed_forward.2.weight")
        for name, parameter in self.named_parameters():
            if name == "word_embedding.weight":
                nn.init.normal_(parameter)
            elif name.endswith("weight"):
                scale = (2 * settings.n_layers) ** -0.5 if name.endswith(into_stream) else 1.0
                nn.init.normal_(parameter, std=scale * parameter.shape[1] ** -0.5)
            else:
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, T) -> logits (B, T, V)"""
        x = self.word_embedding(tokens) + self.position_embedding(tokens.shape[1])  # (B, T, D)
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x)
        return self.fc_out(x)


def encoded(tokenizer: BytePairTokenizer, texts: list[str]) -> tuple[Tensor, float]:
    """The tokens (n,) of the texts, one after the other, and the characters in each on average."""
    tokens = torch.tensor([token for text in texts for token in tokenizer.encode(text)])
    return tokens, sum(map(len, texts)) / len(tokens)


def batches(tokens: Tensor, settings: Settings) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless inputs and targets (B, T): each pass cuts the tokens at new places, and shuffles.

    Raises ValueError if there are too few tokens for a batch in every pass.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    T = settings.block_size
    needed = (settings.rows + 2) * T  # a batch, what a pass leaves out at either end
    if len(tokens) < needed:
        raise ValueError(f"{len(tokens):,} tokens are too few: training needs {needed:,}.")
    while True:
        offset = int(torch.randint(T, (), generator=generator))
        starts = torch.arange(offset, len(tokens) - T, T)
        starts = starts[torch.randperm(len(starts), generator=generator)]
        for rows in starts.split(settings.rows)[:-1]:  # the last is seldom whole
            windows = tokens[rows[:, None] + torch.arange(T + 1)]  # (B, T + 1)
            yield windows[:, :-1], windows[:, 1:]


def learning_rate(settings: Settings, step: int) -> float:
    """Up along a line during the warm-up, then down to a hundredth along half a cosine."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def mean_loss(model: Transformer, tokens: Tensor, block_size: int) -> float:
    """Nats per token on tokens (n,) cut into blocks, each read without the text before it."""
    model.eval()
    total = 0.0
    for start in range(0, len(tokens) - 1, block_size):
        block = tokens[start : start + block_size + 1]
        logits = model(block[None, :-1])[0]  # (T, V)
        total += nn.functional.cross_entropy(logits, block[1:], reduction="sum").item()
    model.train()
    return total / (len(tokens) - 1)


def optimizer_of(model: Transformer, settings: Settings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) that shrinks matrices only."""
    decayed = [p for name, p in model.named_parameters() if p.ndim == 2 and "word" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim == 1 or "word" in name]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95))


def train(
    settings: Settings, out: Path, tokenizer_out: Path, checkpoint: Path, resume: bool
) -> dict[str, Any]:
    """Train, write weights and tokenizer, and return settings and history.

    The weights are those of the last step. The held-out plays are only evaluated: they
    determine no choice.
    """
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(settings.seed)
    tokenizer = byte_pairs.train(settings.vocabulary_size)
    reader = BytePairTokenizer(tokenizer)
    training, training_characters = encoded(reader, plays.training_plays())
    held_out, held_out_characters = encoded(reader, plays.held_out_plays())

    model = Transformer(settings)
    optimizer = optimizer_of(model, settings)
    history: list[dict[str, float]] = []
    if resume:
        history = checkpoints.restore(checkpoint, asdict(settings), model, optimizer)["history"]
    done = int(history[-1]["step"]) if history else 0
    windows = batches(training, settings)
    for _ in range(done):  # drawn again up to the checkpoint, to continue from there
        next(windows)

    losses: list[float] = []
    model.train()
    for step in range(done, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step)
        inputs, targets = next(windows)
        logits = model(inputs)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % settings.evaluate_every == 0 or step + 1 == settings.steps:
            row = {
                "step": step + 1,
                "training": sum(losses) / len(losses) / training_characters,
                "held out": mean_loss(model, held_out, settings.block_size) / held_out_characters,
            }
            losses = []
            history.append(row)
            checkpoints.keep(checkpoint, asdict(settings), model, optimizer, {"history": history})
            print(
                f"step {step + 1}: training {row['training']:.4f},"
                f" held out {row['held out']:.4f} nats per character",
                flush=True,
            )

    content = tokenizer.to_str().encode()
    checkpoints.write_in_one_step(tokenizer_out, content)
    export(model, hashlib.sha256(content).hexdigest(), out)
    return {"settings": asdict(settings), "history": history}


def export(model: Transformer, tokenizer_sha256: str, out: Path) -> None:
    """Write the arrays under their names, what was trained as float16, in one step."""
    trained = {name for name, _ in model.named_parameters()}
    arrays = {
        name: (array.half() if name in trained else array).contiguous()
        for name, array in model.state_dict().items()
    }
    description = {"model": "transformer", "order": list(arrays), "tokenizer": tokenizer_sha256}
    # one entry only: safetensors writes several in an order that changes from run to run
    checkpoints.write_in_one_step(out, save(arrays, {"description": json.dumps(description)}))
