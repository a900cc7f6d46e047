"""Quality of the stories from lmlib's grammar: speed, words, repetition, and losses.

    .venv/bin/python benchmarks/stories.py                 # five minutes on one core
    .venv/bin/python benchmarks/stories.py --steps 0       # without training: a few seconds
    .venv/bin/python benchmarks/stories.py --text FILE     # of another text, read from a file

prints a table in Markdown.

**Speed**: `lmlib.stories.write`, once, in one process, after the grammar has been read.

**Words**: different sequences of letters and apostrophes, in lower case.

**Repetition**: of the sentences of more than eight words, the share that occurred before.

**Losses**: nats a character on text of another seed (of a file: on its last tenth).

- bigram: the counts of pairs of characters, one added to each
- RNN, GRU: one layer of 256 units on an embedding of 64, with batches of 32 windows of 100
  characters drawn anywhere, Adam at 0.002, the state starting from zeros in each window
"""

import argparse
import platform
import re
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lmlib import stories
from lmlib.tokenizers import CharacterTokenizer

WINDOW = 100
BATCH = 32
HELD_OUT = 200_000  # characters


def main() -> None:
    """Measure what was asked for, and print it."""
    options = _options()
    torch.set_num_threads(options.threads)
    print(f"Python {platform.python_version()}, PyTorch {torch.__version__},"
          f" {options.threads} thread(s), {platform.machine()}\n")  # fmt: skip
    print("| what | measured |", "|---|---|", sep="\n")
    if options.text:
        text = options.text.read_text(encoding="utf-8")
        cut = len(text) * 9 // 10
        training, held_out = text[:cut], text[cut:][:HELD_OUT]
        row("characters", f"{len(text):,}")
    else:
        stories.write(1)  # reads the grammar
        start = time.perf_counter()
        training = stories.write(options.length)
        seconds = time.perf_counter() - start
        held_out = stories.write(HELD_OUT, seed=1)
        row("characters", f"{len(training):,}")
        row("characters a second", f"{len(training) / seconds:,.0f}")
    row("different characters", f"{len(set(training))}")
    row("different words", f"{len(words(training)):,}")
    row("sentences of more than 8 words that occurred before", f"{repetition(training):.2%}")

    tokenizer = CharacterTokenizer("".join(sorted(set(training + held_out))))
    encoded, tested = tokenizer.encode(training), tokenizer.encode(held_out)
    row("loss of a bigram model", f"{bigram_loss(encoded, tested, len(tokenizer)):.3f}")
    if options.steps:
        for layer in (nn.RNN, nn.GRU):
            torch.manual_seed(0)
            model = CharacterModel(layer, len(tokenizer))
            seconds = train(model, encoded, options.steps)
            loss = held_out_loss(model, tested)
            row(f"loss of the {layer.__name__} after {options.steps:,} steps"
                f" ({seconds:.0f} s)", f"{loss:.3f}")  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure the stories of the grammar; see the top of this file."
    )
    parser.add_argument("--length", type=int, default=2_000_000, metavar="CHARACTERS")
    parser.add_argument("--steps", type=int, default=2_000, help="of training; 0 for none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--text", type=Path, metavar="FILE", help="measure this text instead")
    return parser.parse_args()


def row(what: str, measured: str) -> None:
    """A line of the table."""
    print(f"| {what} | {measured} |", flush=True)


def words(text: str) -> set[str]:
    """The different words of a text."""
    return set(re.findall("[a-z]+(?:'[a-z]+)*", text.lower()))


def repetition(text: str) -> float:
    """Of the sentences of more than eight words, the share that occurred before."""
    long = [sentence for sentence in stories.sentences(text) if len(sentence.split()) > 8]
    return 1 - len(set(long)) / len(long)


def bigram_loss(training: np.ndarray, held_out: np.ndarray, V: int) -> float:
    """Mean negative log-likelihood of held-out characters (N,) given the one before each."""
    counts = np.ones((V, V))
    np.add.at(counts, (training[:-1], training[1:]), 1)
    log_p = np.log(counts / counts.sum(axis=1, keepdims=True))  # (V, V)
    return float(-log_p[held_out[:-1], held_out[1:]].mean())


class CharacterModel(nn.Module):
    """An embedding, one recurrent layer, a projection to logits."""

    def __init__(self, layer: type[nn.RNNBase], V: int, width: int = 64, hidden: int = 256):
        super().__init__()
        self.embedding = nn.Embedding(V, width)
        self.recurrent = layer(width, hidden, batch_first=True)
        self.head = nn.Linear(hidden, V)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and the last state (1, B, hidden), from characters (B, T)."""
        out, state = self.recurrent(self.embedding(x), state)
        return self.head(out), state


def train(model: CharacterModel, encoded: np.ndarray, steps: int) -> float:
    """Train with Adam on windows drawn anywhere in the text; returns the seconds."""
    start = time.perf_counter()
    text = torch.from_numpy(encoded)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    span = torch.arange(WINDOW + 1)
    for _ in range(steps):
        starts = torch.randint(len(text) - WINDOW, (BATCH, 1), generator=generator)
        windows = text[starts + span]  # (B, T + 1)
        logits, _ = model(windows[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return time.perf_counter() - start


@torch.no_grad()
def held_out_loss(model: CharacterModel, encoded: np.ndarray, lanes: int = 20) -> float:
    """Mean negative log-likelihood, with the state carried along each lane of the text."""
    length = (len(encoded) - 1) // lanes
    x = torch.from_numpy(encoded[: lanes * length].reshape(lanes, length))
    y = torch.from_numpy(encoded[1 : lanes * length + 1].reshape(lanes, length))
    state, total = None, 0.0
    for start in range(0, length, 500):
        part = slice(start, start + 500)
        logits, state = model(x[:, part], state)
        total += nn.functional.cross_entropy(
            logits.flatten(0, 1), y[:, part].flatten(), reduction="sum"
        ).item()
    return total / x.numel()


if __name__ == "__main__":
    main()
