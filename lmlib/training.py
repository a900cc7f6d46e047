"""Training loop with a progress bar and a history of losses and costs.

A model here is called with token ids (B, T) and targets (B, T) and returns its logits and the mean
loss, a tensor ().
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

Batch = tuple[Tensor, Tensor]
"""Token ids (B, T), and the token that follows each of them (B, T)."""


@dataclass
class History:
    """The costs and losses of one training run."""

    parameters: int  # trainable numbers
    steps: list[int] = field(default_factory=list)  # steps after which the losses were estimated
    training: list[float] = field(default_factory=list)  # losses in nats per token
    held_out: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # total time of the steps up to then

    @property
    def seconds_per_step(self) -> float:
        """The mean time of a step, excluding the estimates; NaN before the first step."""
        steps = self.steps[-1] if self.steps else 0
        return self.seconds[-1] / steps if steps else float("nan")


def train(
    model: nn.Module,
    next_batch: Callable[[], Batch],
    estimate: Callable[[nn.Module], tuple[float, float]],
    steps: int,
    learning_rate: float,
    estimate_every: int,
) -> History:
    """Train a model in place with AdamW, at a constant learning rate.

    next_batch: returns the batch for the next step, on the model's device.
    estimate:   returns the loss on the training text and on held-out text; it is called before the
                first step, after every `estimate_every` steps, and after the last step.
    """
    history = History(count_parameters(model))
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    model.train()
    _remember(history, 0, 0.0, estimate(model))
    seconds = 0.0
    bar = tqdm(range(1, steps + 1), unit="step")
    for step in bar:
        started = time.perf_counter()
        _step(model, optimizer, next_batch())
        seconds += time.perf_counter() - started
        if step % estimate_every == 0 or step == steps:
            _remember(history, step, seconds, estimate(model))
            bar.set_postfix_str(f"held-out loss {history.held_out[-1]:.3f}")
    return history


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    _, loss = model(*batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if loss.is_cuda:  # a GPU only queues its work, and the clock would miss it
        torch.cuda.synchronize()


def _remember(history: History, step: int, seconds: float, losses: tuple[float, float]) -> None:
    history.steps.append(step)
    history.seconds.append(seconds)
    history.training.append(losses[0])
    history.held_out.append(losses[1])


@contextmanager
def without_fast_path() -> Iterator[None]:
    """Inside, PyTorch's own transformer layers are evaluated in the same way as in training.

    Without gradients nn.TransformerEncoderLayer and nn.MultiheadAttention take a fast path: it
    treats a float mask as a Boolean one, ignores is_causal without a mask, and uses the weights of
    its submodules without calling them, so that a modified submodule has no effect.
    """
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)


@torch.no_grad()
@without_fast_path()
def mean_loss(model: nn.Module, next_batch: Callable[[], Batch], iterations: int) -> float:
    """The mean loss of a model in evaluation mode over some batches, in nats per token.

    The model is returned to the mode that it was in.
    """
    was_training = model.training
    model.eval()
    try:
        losses = [model(*next_batch())[1].item() for _ in range(iterations)]
    finally:
        model.train(was_training)
    return sum(losses) / len(losses)


def count_parameters(model: nn.Module) -> int:
    """The number of trainable parameters of a model; a shared tensor counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def costs(histories: Mapping[str, History]) -> str:
    """A table of each model's costs and held-out loss so far, one line per model."""
    lines = [f"{'model':<14}{'parameters':>12}{'steps':>8}{'ms a step':>11}{'held-out loss':>15}"]
    for name, history in histories.items():
        lines.append(
            f"{name:<14}{history.parameters:>12,}{history.steps[-1]:>8,}"
            f"{1000 * history.seconds_per_step:>11.1f}{history.held_out[-1]:>15.3f}"
        )
    return "\n".join(lines)
