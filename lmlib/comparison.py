"""Fair comparisons: the same text, the same budget, several seeds, and a log of every run on disk.

A model here is called with token ids (B, T), and targets (B, T) or None.  It returns its logits
(B, T, V), and the loss that it learns by, a tensor (); without targets None in its place.

What is charged.  The making of the model and its optimizer, and every training step: forward,
backward, the schedule and the optimizer.  Drawing batches and the estimates between are free.

- Under a budget of FLOPs every step is counted, by lmlib.flops, which says what an operation costs.
  What it does not know is named in the table.
- Under a budget of seconds every step is timed.  Its FLOPs are only measured: those of the first
  step are taken for all.
"""

import dataclasses
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from IPython.display import display
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from lmlib import batches, experiments, fingerprints, flops, run_log, training
from lmlib.run_log import ESTIMATES, LOG, Results, Run, read

BAR = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
MOST_WINDOWS = 1_024  # of held-out text that a loss is taken over
LOOKING_AHEAD = 1e-3  # by how much a logit may change when a later token does


class Broken(Exception):
    """A candidate that cannot be measured. The message says why, in a sentence."""


@dataclass(frozen=True)
class Data:
    """One text in three parts, as tokens (n,): to learn from, to choose by, and to report."""

    training: Tensor
    validation: Tensor
    test: Tensor
    context_window_size: int  # T
    device: str = "cpu"


@dataclass(frozen=True)
class Budget:
    """What each run may spend on training steps: seconds or FLOPs, one of the two."""

    seconds: float | None = None
    flops: float | None = None

    def __post_init__(self) -> None:
        given = [amount for amount in (self.seconds, self.flops) if amount is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError(
                "A budget is a number of seconds or a number of FLOPs above 0, not both."
            )

    @property
    def amount(self) -> float:
        return float(self.flops if self.seconds is None else self.seconds)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.flops:.3g} FLOPs" if self.seconds is None else f"{self.seconds:g} s"


def model_loss(model: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
    """The loss by which the model itself wants to learn."""
    loss: Tensor = model(x, y)[1]
    return loss


@dataclass(frozen=True)
class Candidate:
    """What is compared: a model, and how it is trained."""

    model: Callable[[], nn.Module]  # makes a new one, its weights drawn at random
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]  # makes one for the model
    batch_size: int = 32
    # `share` is the part of the budget that is spent, from 0 to 1
    schedule: Callable[[float], float] = lambda share: 1.0  # times the optimizer's learning rate
    loss: Callable[[nn.Module, Tensor, Tensor, float], Tensor] = model_loss  # (model, x, y, share)


def compare(
    candidates: Mapping[str, Candidate],
    data: Data,
    budget: Budget,
    seeds: Sequence[int] = (0, 1, 2),
    log: Path = LOG,
) -> Results:
    """Train every candidate once with each seed, and keep what each run has cost and reached.

    The table is shown, and fills as runs end.  A run that is in the log already is not repeated;
    one of a candidate that has changed since, in whatever its functions reach, or that failed, is.
    So is one whose code cannot be compared with what it was, and that is said.  A candidate that
    fails has the reason in its own row, and the others go on.  With one seed all candidates of one
    batch size see the same batches.  Raises DamagedLog if the log cannot be read.
    """
    logged = read(log).runs
    asked: list[Run] = []
    shown = display(Results(), display_id=True)
    pairs = [(seed, name) for seed in seeds for name in candidates]
    with tqdm(total=len(pairs), bar_format=BAR) as bar:
        for number, (seed, name) in enumerate(pairs):
            bar.set_description(f"{name}, seed {seed}")
            run = _new_or_known(name, candidates[name], data, budget, seed, logged, bar)
            bar.update(number + 1 - bar.n)
            if run not in logged:
                logged = (*read(log).runs, run)  # another notebook may have written meanwhile
                run_log.write(logged, log)
            asked.append(run)
            if shown is not None:
                shown.update(Results(tuple(asked)))
    return Results(tuple(asked))


def _new_or_known(
    name: str,
    candidate: Candidate,
    data: Data,
    budget: Budget,
    seed: int,
    known: Sequence[Run],
    bar: tqdm,
) -> Run:
    run = Run(name, seed, str(budget))
    run = dataclasses.replace(run, fingerprint=_fingerprint(name, candidate, data))
    spent = _Spent(budget, data.device)
    with _seeded(seed, data.device):
        try:
            with spent.on_making():
                model = candidate.model().to(data.device)
                optimizer = candidate.optimizer(model)
            run = dataclasses.replace(run, start=_start(model, optimizer))
            wanted = (name, seed, run.budget, run.fingerprint, run.start)
            for old in known:
                if run.fingerprint and not old.error and wanted == (
                    old.candidate, old.seed, old.budget, old.fingerprint, old.start
                ):  # fmt: skip
                    return old
            return _train(run, model, optimizer, candidate, data, spent, bar)
        except Exception as error:  # whatever a student's model does: its own row says it
            words = str(error).strip().split("\n")[0][:200]
            kind = "" if isinstance(error, Broken) else f"{type(error).__name__}: "
            return dataclasses.replace(run, error=f"{kind}{words}")


@contextmanager
def _seeded(seed: int, device: str) -> Iterator[None]:
    """All usual generators begin at `seed`, and are afterwards as they were."""
    devices = [device] if device.startswith("cuda") else []
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _train(
    run: Run,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    candidate: Candidate,
    data: Data,
    spent: "_Spent",
    bar: tqdm,
) -> Run:
    """Spend the budget on training the model, and measure it; the bar grows by 1 meanwhile."""
    _check_logits(model, data)
    rates = [group["lr"] for group in optimizer.param_groups]
    generator = torch.Generator().manual_seed(run.seed)
    begun = bar.n
    curve: list[tuple[float, float]] = []
    while not spent.is_all():
        if spent.share * ESTIMATES >= len(curve):
            curve.append((spent.share, held_out_loss(model, data.validation, data)))
        drawn = batches.random_windows(
            data.training, data.context_window_size, candidate.batch_size, generator
        )
        x, y = (tokens.to(data.device) for tokens in drawn)
        model.train()
        with spent.on_a_step():
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * candidate.schedule(spent.share)
            loss = candidate.loss(model, x, y, spent.share)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        bar.update(begun + min(spent.share, 1.0) - bar.n)
        if not torch.isfinite(loss):
            raise Broken(f"the loss was {loss.item()} at step {spent.steps}")
    if spent.share > 1.1:
        which = "the first steps alone cost" if spent.steps <= 2 else "its last step led to"
        raise Broken(f"{which} {spent.share:.1f} times the budget")
    _check_logits(model, data)
    validation = held_out_loss(model, data.validation, data)
    folder = experiments.new_run()
    experiments.save_checkpoint(folder, {"model": model.state_dict()})
    experiments.save_figures(folder, seed=run.seed, validation_nll=validation)
    return dataclasses.replace(
        run,
        parameters=training.count_parameters(model),
        steps=spent.steps,
        seconds=spent.seconds,
        flops=spent.flops,
        uncounted=sorted(spent.uncounted),
        spent=spent.share,
        validation=validation,
        test=held_out_loss(model, data.test, data),
        curve=[*curve, (spent.share, validation)],
        folder=folder.name,
    )


class _Spent:
    """What a run has spent so far, and whether another step would be too much."""

    def __init__(self, budget: Budget, device: str):
        self.budget = budget
        self.device = device
        self.steps = 0
        self.seconds = 0.0
        self.counted_flops = 0
        self.counted_steps = 0
        self.making = 0.0  # seconds or FLOPs, as the budget has it
        self.uncounted: set[str] = set()  # operations whose FLOPs are not known

    @property
    def flops(self) -> float:
        """All FLOPs; under a budget of seconds, as if each step cost what the first did."""
        return self.counted_flops * self.steps / max(1, self.counted_steps)

    @property
    def share(self) -> float:
        steps = self.flops if self.budget.seconds is None else self.seconds
        return (self.making + steps) / self.budget.amount

    def is_all(self) -> bool:
        """Whether one more step, at the average cost so far, would not fit into the budget."""
        each = (self.share - self.making / self.budget.amount) / max(1, self.steps)
        return self.steps > 0 and self.share + each > 1

    @contextmanager
    def on_making(self) -> Iterator[None]:
        """Charge the making of model and optimizer."""
        seconds, counted = self.seconds, self.counted_flops
        with self._measured(is_counted=self.budget.seconds is None):
            yield
        self.making = (
            self.counted_flops - counted if self.budget.seconds is None else self.seconds - seconds
        )
        self.seconds, self.counted_flops = seconds, counted

    @contextmanager
    def on_a_step(self) -> Iterator[None]:
        """Charge a step."""
        is_counted = self.budget.seconds is None or self.steps == 0
        with self._measured(is_counted):
            yield
        self.steps += 1
        self.counted_steps += is_counted

    @contextmanager
    def _measured(self, is_counted: bool) -> Iterator[None]:
        _finish(self.device)
        started = time.perf_counter()
        if is_counted:
            with flops.counting() as counter:
                yield
            self.counted_flops += counter.flops
            self.uncounted |= counter.uncounted
        else:
            yield
        _finish(self.device)
        self.seconds += time.perf_counter() - started


def _finish(device: str) -> None:
    """Wait for what a GPU has still to do, which the clock would not see."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


@torch.no_grad()
@training.without_fast_path()
def held_out_loss(model: nn.Module, tokens: Tensor, data: Data) -> float:
    """The mean negative log-likelihood of the tokens (n,), in nats per token.

    Over windows one after the other, the same for every model.  It is computed here, from the
    logits, so that no candidate's own loss has a say in it.
    """
    T = data.context_window_size
    count = min(MOST_WINDOWS, (len(tokens) - 1) // T)
    if count < 1:
        raise ValueError(f"{len(tokens)} held-out tokens are too few for a window of {T}.")
    starts = torch.linspace(0, (len(tokens) - 1) // T - 1, count).long()[:, None] * T  # (count, 1)
    windows = tokens[starts + torch.arange(T + 1)]  # (count, T + 1)
    model.eval()
    total = 0.0
    for part in windows.to(data.device).split(32):
        logits = model(part[:, :-1], None)[0]  # (B, T, V)
        total += F.cross_entropy(
            logits.flatten(0, 1).float(), part[:, 1:].flatten(), reduction="sum"
        ).item()
    return total / (count * T)


@torch.no_grad()
@training.without_fast_path()
def _check_logits(model: nn.Module, data: Data) -> None:
    """Raise Broken for logits of a wrong shape, or that know what comes later."""
    model.eval()
    T, V = data.context_window_size, int(data.training.max()) + 1
    tokens = data.training[:T][None].to(data.device)
    changed = tokens.clone()
    changed[:, T // 2 :] = (changed[:, T // 2 :] + 1) % V
    answered = model(tokens, None)
    if not (isinstance(answered, tuple) and len(answered) == 2):
        raise Broken("the model returns something other than logits and a loss")
    before, again, after = answered[0], model(tokens, None)[0], model(changed, None)[0]
    if before.ndim != 3 or before.shape[:2] != (1, T) or before.shape[2] < V:
        raise Broken(f"the logits have shape {tuple(before.shape)}, not {(1, T, V)}")
    if not torch.isfinite(before).all():
        raise Broken("some of the logits are not finite")
    if (before - again).abs().max().item() > LOOKING_AHEAD:
        raise Broken("the model answers differently each time: is its dropout off in evaluation?")
    gap = (before - after)[:, : T // 2].abs().max().item()
    if gap > LOOKING_AHEAD:
        raise Broken("the model looks ahead: its logits change when a later token does")


def _fingerprint(name: str, candidate: Candidate, data: Data) -> str:
    """What a run depends on, apart from its seed; empty, with a sentence, if it cannot be told."""
    try:
        return fingerprints.fingerprint(candidate, data)
    except fingerprints.NoFingerprint as error:
        print(f"{name}: whether it has changed cannot be determined, so it is run again ({error}).")
        return ""


def _start(model: nn.Module, optimizer: torch.optim.Optimizer) -> str:
    """What training starts with: parts, weights, and the optimizer's settings."""
    settings = [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return fingerprints.fingerprint(repr(model), tensors, type(optimizer), settings)
