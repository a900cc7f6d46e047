"""Fair comparisons: the same text, the same budget, several seeds, and a log of every run on disk.

A model here is called with token ids (B, T), and targets (B, T) or None.  It returns its logits
(B, T, V), and the loss that it learns by, a tensor (); without targets None in its place.

What is counted.  Floating-point operations (FLOPs) are those of matrix products, convolutions and
attention in a training step, forward and backward, a multiplication and an addition each as one.
Sums, norms, activations, look-ups and the optimizer's own arithmetic are not counted.  The first
step, and then one in 25, is counted by torch.utils.flop_counter, with attention and recurrent
layers taken apart into their products; the steps between are taken to cost as much as these on
average.  Seconds are those of training steps alone, without drawing batches and without the
estimates between.  A step that is being counted is slower, so it is charged the mean of the others.
"""

import dataclasses
import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from IPython.display import display
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from lmlib import batches, experiments, fingerprints, run_log, training
from lmlib.run_log import ESTIMATES, LOG, Results, Run, read

BAR = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
COUNT_EVERY = 25  # steps
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
            raise ValueError("A budget is a number of seconds or of FLOPs above 0, one of the two.")

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
    one of a candidate that has changed since, or that failed, is.  A candidate that fails has the
    reason in its own row, and the others go on.  With one seed all candidates of one batch size see
    the same batches.  Raises DamagedLog where the log cannot be read.
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
    with _seeded(seed, data.device):
        try:
            model = candidate.model().to(data.device)
            run = dataclasses.replace(run, fingerprint=_fingerprint(candidate, model, data))
            wanted = (name, seed, run.budget, run.fingerprint)
            for old in known:
                if not old.error and wanted == (old.candidate, old.seed, old.budget,
                                                old.fingerprint):  # fmt: skip
                    return old
            return _train(run, model, candidate, data, budget, bar)
        except Exception as error:  # whatever a student's model does: its own row says it
            words = str(error).strip().split("\n")[0][:200]
            kind = "" if isinstance(error, Broken) else f"{type(error).__name__}: "
            return dataclasses.replace(run, error=f"{kind}{words}")


@contextmanager
def _seeded(seed: int, device: str) -> Iterator[None]:
    """PyTorch's own generators begin at `seed`, and are afterwards as they were."""
    devices = [device] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def _train(
    run: Run, model: nn.Module, candidate: Candidate, data: Data, budget: Budget, bar: tqdm
) -> Run:
    """Spend the budget on training the model, and measure it; the bar grows by 1 meanwhile."""
    _check_logits(model, data)
    optimizer = candidate.optimizer(model)
    rates = [group["lr"] for group in optimizer.param_groups]
    generator = torch.Generator().manual_seed(run.seed)
    spent = _Spent(budget)
    begun = bar.n
    curve: list[tuple[float, float]] = []
    while not spent.is_all():
        if spent.share * ESTIMATES >= len(curve):
            curve.append((spent.share, held_out_loss(model, data.validation, data)))
        drawn = batches.random_windows(
            data.training, data.context_window_size, candidate.batch_size, generator
        )
        x, y = (tokens.to(data.device) for tokens in drawn)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * candidate.schedule(spent.share)
        model.train()
        with spent.on_a_step(data.device):
            loss = candidate.loss(model, x, y, spent.share)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        bar.update(begun + min(spent.share, 1.0) - bar.n)
        if not torch.isfinite(loss):
            raise Broken(f"the loss was {loss.item()} at step {spent.steps}")
    if spent.share > 1.1 and spent.steps <= 2:
        raise Broken(f"the first steps alone cost {spent.share:.1f} times the budget")
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
        spent=spent.share,
        validation=validation,
        test=held_out_loss(model, data.test, data),
        curve=[*curve, (spent.share, validation)],
        folder=folder.name,
    )


class _Spent:
    """What a run has spent so far, and whether another step would be too much."""

    def __init__(self, budget: Budget):
        self.budget = budget
        self.steps = 0
        self.counted = 0  # of these steps
        self.counted_flops = 0.0
        self.timed_seconds = 0.0  # of the others

    @property
    def seconds(self) -> float:
        return self.timed_seconds * self.steps / max(1, self.steps - self.counted)

    @property
    def flops(self) -> float:
        return self.counted_flops * self.steps / max(1, self.counted)

    @property
    def share(self) -> float:
        spent = self.flops if self.budget.seconds is None else self.seconds
        return spent / self.budget.amount

    def is_all(self) -> bool:
        """Whether one more step, as dear as those until now, would not fit into the budget."""
        if self.steps == 1 and self.budget.seconds is not None:
            return False  # the first step is counted and not timed
        return self.steps > 0 and self.share * (1 + 1 / self.steps) > 1

    @contextmanager
    def on_a_step(self, device: str) -> Iterator[None]:
        """Count or time what is done inside.  Raises Broken where there is nothing to count."""
        is_counted = self.steps % COUNT_EVERY == 0
        _finish(device)
        started = time.perf_counter()
        if is_counted:
            with _counting() as counter:
                yield
            self.counted += 1
            self.counted_flops += counter.get_total_flops()
        else:
            yield
            _finish(device)
            self.timed_seconds += time.perf_counter() - started
        self.steps += 1
        if self.budget.seconds is None and not self.flops:
            raise Broken("a step has no FLOPs that are counted: compare it by seconds")


@contextmanager
def _counting() -> Iterator[FlopCounterMode]:
    """Counts FLOPs, of attention and recurrent layers too, which fused kernels would hide."""
    with (
        warnings.catch_warnings(action="ignore", category=UserWarning),  # of switches not there
        sdpa_kernel(SDPBackend.MATH),
        torch.backends.mkldnn.flags(enabled=False),
        torch.backends.cudnn.flags(enabled=False),
        FlopCounterMode(display=False) as counter,
    ):
        yield counter


def _finish(device: str) -> None:
    """Wait for what a GPU has still to do, which the clock would not see."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


@torch.no_grad()
def held_out_loss(model: nn.Module, tokens: Tensor, data: Data) -> float:
    """The mean negative log-likelihood of the tokens (n,), in nats per token.

    Over windows that lie side by side, the same for every model.  It is computed here, from the
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
def _check_logits(model: nn.Module, data: Data) -> None:
    """Raise Broken for logits of a wrong shape, or that know what comes later."""
    model.eval()
    T, V = data.context_window_size, int(data.training.max()) + 1
    tokens = data.training[:T][None].to(data.device)
    changed = tokens.clone()
    changed[:, T // 2 :] = (changed[:, T // 2 :] + 1) % V
    answered = model(tokens, None)
    if not (isinstance(answered, tuple) and len(answered) == 2):
        raise Broken("the model returns something else than logits and a loss")
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


def _fingerprint(candidate: Candidate, model: nn.Module, data: Data) -> str:
    """A digest of what a run depends on: structure, code, settings and data, but no weights."""
    optimizer = candidate.optimizer(model)
    settings = [
        {name: value for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]
    functions: list[object] = [
        candidate.model, candidate.optimizer, candidate.schedule, candidate.loss
    ]  # fmt: skip
    classes = {type(part) for part in model.modules()} | {type(optimizer)}
    own = [kind for kind in classes if not kind.__module__.startswith("torch.")]
    functions += [method for kind in own for method in vars(kind).values()]
    tokens = (data.training, data.validation, data.test)
    parts = [repr(model), repr(settings), repr(candidate.batch_size)]
    parts += [str(data.context_window_size), *sorted(map(fingerprints.described, functions))]
    parts += [hashlib.sha256(part.numpy().tobytes()).hexdigest() for part in tokens]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
