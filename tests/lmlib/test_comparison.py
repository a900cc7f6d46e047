"""Comparisons are fair, what fails fails alone, and the log survives."""

import functools
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmlib import comparison, experiments, flops, run_log, training
from lmlib.comparison import Budget, Candidate, Data, compare

V, T = 6, 8
TOKENS = torch.arange(1200) % V  # the next token is always known


class Model(nn.Module):
    """Sees one token, and knows the next after a few steps."""

    def __init__(self, width: int = 12):
        super().__init__()
        self.table, self.head = nn.Embedding(V, width), nn.Linear(width, V)

    def logits(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.head(self.table(ids))
        return logits

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> Any:
        logits = self.logits(ids)  # (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=0.02)


DATA = Data(TOKENS[:800], TOKENS[800:1000], TOKENS[1000:], T)


def one_step(model: nn.Module) -> int:
    """The FLOPs of a training step, optimizer included."""
    optimizer = adamw(model)
    x = TOKENS[: 32 * T].reshape(32, T)
    with flops.counting() as counter:
        model(x, x)[1].backward()
        optimizer.step()
    return counter.flops


STEP = one_step(Model())
BUDGET = Budget(flops=10.5 * STEP)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- budgets


def test_flops_are_counted_and_the_budget_is_kept() -> None:
    results = compare({"model": Candidate(Model, adamw)}, DATA, BUDGET, seeds=(0,))
    [run] = results.runs
    assert run.steps == 10 and run.flops == pytest.approx(10 * STEP, rel=1e-3)
    assert run.spent == pytest.approx(10 / 10.5, abs=0.01)
    assert run.parameters == training.count_parameters(Model()) and run.uncounted == []


def test_a_step_costs_its_products_and_little_else() -> None:
    head = 3 * 2 * 32 * T * 12 * V  # one product forward, two backward
    assert head < STEP < 1.4 * head


def test_every_step_is_counted() -> None:
    """A loss that does its work in every step but the first costs what all of them cost."""

    def loss(model: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        times = 1 if share == 0 else 4
        total: Tensor = sum(model(x, y)[1] for _ in range(times)) / times  # type: ignore[assignment]
        return total

    [run] = compare({"m": Candidate(Model, adamw, loss=loss)}, DATA, BUDGET, (0,)).runs
    assert run.steps in (3, 4) and run.flops > 2 * run.steps * STEP


def test_making_is_charged() -> None:
    def made() -> Model:
        for _ in range(5):
            one_step(Model())
        return Model()

    runs = compare(
        {"made": Candidate(made, adamw), "m": Candidate(Model, adamw)}, DATA, BUDGET, (0,)
    )
    assert [run.steps for run in runs.runs] == [5, 10]


def test_making_is_charged_in_seconds_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def look() -> float:
        clock[0] += 1
        return clock[0]

    def made() -> Model:
        clock[0] += 20
        return Model()

    monkeypatch.setattr(comparison.time, "perf_counter", look)
    [run] = compare({"m": Candidate(made, adamw)}, DATA, Budget(seconds=30), (0,)).runs
    assert run.steps == 9


def test_the_schedule_is_charged() -> None:
    def schedule(share: float) -> float:
        one_step(Model())
        return 1.0

    [run] = compare({"m": Candidate(Model, adamw, schedule=schedule)}, DATA, BUDGET, (0,)).runs
    assert run.steps == 5


def test_a_last_step_far_over_the_budget_is_said() -> None:
    def loss(model: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        times = 30 if share > 0.5 else 1
        total: Tensor = sum(model(x, y)[1] for _ in range(times)) / times  # type: ignore[assignment]
        return total

    [run] = compare({"m": Candidate(Model, adamw, loss=loss)}, DATA, BUDGET, (0,)).runs
    assert run.error.startswith("its last step led to 3.") and "times the budget" in run.error


def test_what_is_not_counted_is_in_the_table() -> None:
    class Orthogonal(Model):
        def logits(self, ids: Tensor) -> Tensor:
            return self.head(torch.linalg.qr(self.table.weight.T)[0].T[ids])  # type: ignore[no-any-return]

    candidate = Candidate(lambda: Orthogonal(width=V), adamw)
    results = compare({"m": candidate}, DATA, BUDGET, (0,))
    assert "linalg_qr" in results.runs[0].uncounted
    assert "FLOPs without linalg_qr" in str(results) and "FLOPs without" in results.markdown()
    assert comparison.read() == results


def test_a_dearer_step_leaves_fewer_steps() -> None:
    wide = Candidate(lambda: Model(width=48), adamw)
    runs = compare({"narrow": Candidate(Model, adamw), "wide": wide}, DATA, BUDGET, (0,)).runs
    assert runs[0].steps == 10 and runs[1].steps < 4
    assert all(run.flops <= 10.5 * STEP for run in runs)


def test_seconds_stop_a_run_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that stands while other programs have the processor."""
    monkeypatch.setattr(comparison.time, "perf_counter", time.thread_time)
    [run] = compare({"model": Candidate(Model, adamw)}, DATA, Budget(seconds=0.5), (0,)).runs
    assert run.steps >= 2 and run.seconds > 0 and run.budget == "0.5 s"
    assert run.flops == pytest.approx(run.steps * STEP, rel=1e-3)


def test_time_between_steps_is_not_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by one at each look: every step takes one second."""
    monkeypatch.setattr(comparison.time, "perf_counter", iter(range(10**6)).__next__)
    [run] = compare({"model": Candidate(Model, adamw)}, DATA, Budget(seconds=30), (0,)).runs
    assert run.seconds == run.steps == 29, "making the model has taken one"


@pytest.mark.parametrize("given", [{}, {"seconds": 1, "flops": 1}, {"seconds": 0}, {"flops": -1}])
def test_a_budget_is_one_of_two(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not both"):
        Budget(**given)


# ---- fairness


def test_all_see_the_same_batches_and_seeds_differ() -> None:
    seen: dict[tuple[str, int], list[Tensor]] = {}

    def watching(name: str) -> Candidate:
        def loss(model: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
            seen.setdefault((name, torch.initial_seed()), []).append(x)
            assert torch.equal(x[:, 1:], y[:, :-1])
            return comparison.model_loss(model, x, y, share)

        return Candidate(Model, adamw, loss=loss)

    compare({"one": watching("one"), "two": watching("two")}, DATA, BUDGET, (3, 4))
    assert [len(batches) for batches in seen.values()] == [10] * 4
    assert torch.equal(torch.stack(seen["one", 3]), torch.stack(seen["two", 3]))
    assert not torch.equal(torch.stack(seen["one", 3]), torch.stack(seen["one", 4]))


def test_the_same_seed_gives_the_same_run_and_leaves_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    [one] = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (5,), Path("one.json")).runs
    [two] = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (5,), Path("two.json")).runs
    assert one.test == two.test and one.curve == two.curve
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_loss_of_ones_own_has_no_say_in_what_is_reported() -> None:
    class Boaster(Model):
        def forward(self, ids: Tensor, targets: Tensor | None = None) -> Any:
            logits, loss = super().forward(ids, targets)
            return logits, None if loss is None else 0.0 * loss

    [run] = compare({"boaster": Candidate(Boaster, adamw)}, DATA, BUDGET, (0,)).runs
    assert run.test > 1.0


def test_held_out_loss_is_the_mean_over_every_window() -> None:
    model, tokens = Model().eval(), TOKENS[1000:]
    T_windows = (len(tokens) - 1) // T
    x, y = tokens[: T_windows * T], tokens[1 : T_windows * T + 1]
    expected = -model.logits(x).log_softmax(-1)[torch.arange(len(y)), y].mean().item()
    assert comparison.held_out_loss(model, tokens, DATA) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="too few for a window of 8"):
        comparison.held_out_loss(model, tokens[:T], DATA)


def test_the_schedule_is_asked_with_the_share_that_is_spent() -> None:
    rates: list[float] = []

    class Watched(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            rates.append(self.param_groups[0]["lr"])

    candidate = Candidate(
        Model,
        lambda model: Watched(model.parameters(), lr=2.0),
        schedule=lambda share: 1 - share,
    )
    compare({"m": candidate}, DATA, BUDGET, (0,))
    assert rates == pytest.approx([2 * (1 - step / 10.5) for step in range(len(rates))], abs=0.3)
    assert len(rates) >= 10 and rates[0] == pytest.approx(2.0, abs=0.05)


# ---- PyTorch's fast path for transformer layers


class Layered(Model):
    """A layer of PyTorch's own, given a mask or none."""

    def __init__(self, mask: Tensor | None, **named: Any):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(12, 2, 24, 0.0, batch_first=True, norm_first=True)
        self.mask, self.named = mask, named

    def logits(self, ids: Tensor) -> Tensor:
        mask = None if self.mask is None else self.mask[: ids.shape[1], : ids.shape[1]]
        return self.head(self.layer(self.table(ids), mask, **self.named))  # type: ignore[no-any-return]


CAUSAL = nn.Transformer.generate_square_subsequent_mask(T)
ALIBI = CAUSAL + 0.5 * (torch.arange(T) - torch.arange(T)[:, None])


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def with_a_part_of_ones_own() -> Model:
    model = Layered(CAUSAL)
    model.layer.linear1 = Doubled(12, 24)
    return model


@pytest.mark.parametrize(
    "make", [lambda: Layered(ALIBI), with_a_part_of_ones_own], ids=["ALiBi", "own part"]
)
def test_a_layer_is_evaluated_as_it_is_trained(make: Any) -> None:
    torch.manual_seed(1)
    model, tokens = make().eval(), torch.randint(V, (200,))
    x = tokens[: 24 * T].reshape(24, T)
    y = tokens[1 : 24 * T + 1].reshape(24, T)
    trained = model(x, y)[1].item()  # with gradients: the layers' own forward
    with torch.no_grad():
        assert model(x, y)[1].item() != pytest.approx(trained, abs=1e-4), "the fast path differs"
    assert comparison.held_out_loss(model, tokens, DATA) == pytest.approx(trained, rel=1e-5)
    assert training.mean_loss(model, lambda: (x, y), 2) == pytest.approx(trained, rel=1e-5)
    assert torch.backends.mha.get_fastpath_enabled()


def test_is_causal_without_a_mask_fails_in_evaluation_as_in_training() -> None:
    [run] = compare(
        {"m": Candidate(lambda: Layered(None, is_causal=True), adamw)}, DATA, BUDGET, (0,)
    ).runs
    assert run.error.startswith("RuntimeError: Need attn_mask if specifying the is_causal hint")


# ---- what fails, fails alone


class LooksAhead(Model):
    def logits(self, ids: Tensor) -> Tensor:
        return super().logits(ids.roll(-1, dims=1))


class AlwaysDrops(Model):
    def logits(self, ids: Tensor) -> Tensor:
        return F.dropout(super().logits(ids), 0.5)


class OneLogit(Model):
    def logits(self, ids: Tensor) -> Tensor:
        return super().logits(ids)[..., :1]


class OnlyLogits(Model):
    def forward(self, ids: Tensor, targets: Tensor | None = None) -> Any:
        return self.logits(ids)


def raises() -> nn.Module:
    raise IndexError("no layer 7 in __init__\nand more")


def not_a_number(model: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
    loss: Tensor = model(x, y)[1]
    return loss * math.nan


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (Candidate(raises, adamw), "IndexError: no layer 7"),
        (Candidate(LooksAhead, adamw), "the model looks ahead"),
        (Candidate(AlwaysDrops, adamw), "is its dropout off in evaluation?"),
        (Candidate(OneLogit, adamw), "the logits have shape (1, 8, 1), not (1, 8, 6)"),
        (Candidate(OnlyLogits, adamw), "something other than logits and a loss"),
        (Candidate(Model, adamw, loss=not_a_number), "the loss was nan at step 1"),
        (Candidate(Model, lambda model: torch.optim.AdamW([])), "ValueError: optimizer got an"),
        (Candidate(lambda: Model(width=400), adamw), "the first steps alone cost"),
    ],
)
def test_a_broken_candidate_fails_its_own_row_only(candidate: Candidate, said: str) -> None:
    results = compare({"broken": candidate, "sound": Candidate(Model, adamw)}, DATA, BUDGET, (0, 1))
    assert [bool(run.error) for run in results.runs] == [True, False, True, False]
    _, broken, sound = str(results).splitlines()
    assert "2 of 2 failed: " in broken and said in broken
    assert "failed" not in sound and "and more" not in broken
    assert set(results.losses()) == set(results.curves()) == {"sound"}


def test_a_stop_by_hand_is_not_a_failure_and_keeps_what_has_ended() -> None:
    def stopped() -> nn.Module:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare({"a": Candidate(Model, adamw), "b": Candidate(stopped, adamw)}, DATA, BUDGET)
    assert [run.candidate for run in comparison.read().runs] == ["a"]


# ---- the log


def test_what_has_ended_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    train = comparison._train

    def watched(run: Any, *others: Any) -> Any:
        trained.append(run.seed)
        return train(run, *others)

    monkeypatch.setattr(comparison, "_train", watched)
    first = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (0, 1))
    again = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (0, 1, 2))
    assert again.runs[:2] == first.runs and trained == [0, 1, 2]
    assert comparison.read() == again


def test_what_cannot_be_compared_is_repeated_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = (number for number in range(3))
    candidate = Candidate(Model, adamw, schedule=lambda share: 1.0 if numbers else 0.0)
    for _ in range(2):
        compare({"m": candidate}, DATA, BUDGET, (0,))
    assert len(comparison.read().runs) == 2
    said = "m: whether it has changed cannot be determined, so it is run again"
    assert f"{said} (a generator cannot be inspected)" in capsys.readouterr().out


def test_other_weights_at_the_start_are_another_run() -> None:
    """Though no code has changed: here the constructor reads a file."""

    class Read(Model):
        def __init__(self) -> None:
            super().__init__()
            with torch.no_grad():
                self.head.bias.fill_(float(Path("bias.txt").read_text()))

    for bias in ("0.5", "1.5", "1.5"):
        Path("bias.txt").write_text(bias)
        compare({"m": Candidate(Read, adamw)}, DATA, BUDGET, (0,))
    assert len(comparison.read().runs) == 2


@pytest.mark.slow
def test_the_log_survives_another_process(folder: Path) -> None:
    """Python's own hashes differ from one process to the next; the fingerprint does not."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_comparison import *\n"
        "print(compare({'m': Candidate(Model, adamw)}, DATA, BUDGET, (0,)).runs[0].folder)"
    )
    folders = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                       check=True).stdout.split()[-1]
        for _ in range(2)
    ]  # fmt: skip
    assert folders[0] == folders[1] and len(comparison.read().runs) == 1


def cosine(warm_up: float) -> Any:
    return lambda share: min(1.0, share / warm_up)


@pytest.mark.parametrize(
    "changed",
    [
        Candidate(lambda: Model(width=13), adamw),
        Candidate(Model, lambda model: torch.optim.AdamW(model.parameters(), lr=0.03)),
        Candidate(Model, adamw, batch_size=31),
        Candidate(Model, adamw, schedule=lambda share: 0.5),
        Candidate(Model, adamw, schedule=cosine(0.2)),
        Candidate(Model, functools.partial(torch.optim.AdamW, lr=0.02)),  # fails, and is new
    ],
)
def test_a_changed_candidate_is_measured_again(changed: Candidate) -> None:
    compare({"m": Candidate(Model, adamw, schedule=cosine(0.1))}, DATA, BUDGET, (0, 1))
    compare({"m": changed}, DATA, BUDGET, (0,))
    results = comparison.read()
    assert len(results.runs) == 3, "what was there stays in the log"
    [[newest]] = results.rows().values()
    assert newest == results.runs[-1], "the table shows the newest version alone"


def test_a_failed_run_is_tried_again() -> None:
    compare({"m": Candidate(raises, adamw)}, DATA, BUDGET, (0,))
    compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (0,))
    assert [bool(run.error) for run in comparison.read().runs] == [True, False]
    assert "failed" not in str(comparison.read())


def test_what_another_notebook_has_logged_meanwhile_stays() -> None:
    def elsewhere(model: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        if share == 0:
            compare({"theirs": Candidate(Model, adamw)}, DATA, BUDGET, (0,))
        return comparison.model_loss(model, x, y, share)

    compare({"mine": Candidate(Model, adamw, loss=elsewhere)}, DATA, BUDGET, (0,))
    assert [run.candidate for run in comparison.read().runs] == ["theirs", "mine"]


def test_weights_are_kept_and_are_those_that_were_measured() -> None:
    [run] = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (0,)).runs
    state = experiments.load_checkpoint(experiments.FOLDER / run.folder)
    model = Model()
    assert state is not None
    model.load_state_dict(state["model"])
    assert comparison.held_out_loss(model, DATA.test, DATA) == pytest.approx(run.test)
    assert experiments.runs() == [(run.folder, {"seed": 0.0, "validation_nll": run.validation})]


@pytest.mark.parametrize("content", ["", "[]", '{"runs": [{"a": 1}]}', '{"runs": [1]}', "\x00"])
def test_a_damaged_log_is_said_and_left_as_it_is(folder: Path, content: str) -> None:
    (folder / "results.json").write_text(content)
    with pytest.raises(
        run_log.DamagedLog, match=r"results.json is not a log .* a new one is started"
    ):
        compare({"m": Candidate(Model, adamw)}, DATA, BUDGET)
    assert (folder / "results.json").read_text() == content


def test_the_log_is_json_that_others_read() -> None:
    compare({"m": Candidate(Model, adamw), "b": Candidate(raises, adamw)}, DATA, BUDGET, (0,))
    listed = json.loads(comparison.LOG.read_text(), parse_constant=pytest.fail)["runs"]
    assert [entry["candidate"] for entry in listed] == ["m", "b"]


# ---- the table


def test_mean_and_spread() -> None:
    assert run_log.spread([1.0, 2.0, 3.0]) == "2.000 ± 1.000"
    assert run_log.spread([1.5]) == "1.500"


def test_the_table_in_two_forms() -> None:
    candidates = {"m | n": Candidate(Model, adamw), "b": Candidate(raises, adamw)}
    results = compare(candidates, DATA, BUDGET, (0, 1))
    losses = run_log.spread(results.losses()["m | n"])
    assert losses in str(results)
    header, rule, row, failed = results.markdown().splitlines()
    assert losses.replace(" ", "\N{NO-BREAK SPACE}") in row
    assert r"2 of 2 failed: IndexError: no layer 7 in \_\_init\_\_" in failed
    row = row.replace("\\|", "")
    assert header.count("|") == rule.count("|") == row.count("|") == failed.count("|")
    sound = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (0,)).markdown().splitlines()
    assert {line.count("|") for line in sound} == {header.count("|") - 1}, "no column for reasons"


def test_budgets_are_kept_apart() -> None:
    more = Budget(flops=21 * STEP)
    for budget in (BUDGET, more):
        compare({"m": Candidate(Model, adamw)}, DATA, budget, (0,))
    parts = comparison.read().by_budget()
    assert list(parts) == [str(BUDGET), str(more)]
    assert [part.runs[0].steps for part in parts.values()] == [10, 21]


def test_curves_go_from_nothing_spent_to_all() -> None:
    results = compare({"m": Candidate(Model, adamw)}, DATA, BUDGET, (0, 1))
    positions, losses = results.curves()["m"]
    assert positions == pytest.approx([number / 10 for number in range(11)])
    assert len(losses) == len(positions)
    assert losses[0] == pytest.approx(math.log(V), abs=0.5) and losses[-1] < losses[0]
