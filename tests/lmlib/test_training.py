import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmlib import training


class Table(nn.Module):
    """A bigram table of three tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(3, 3)
        nn.init.zeros_(self.table.weight)

    def forward(self, token_ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.table(token_ids)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def circle() -> training.Batch:
    """0, 1, 2, 0, 1, ...: the next token is certain."""
    x = torch.randint(3, (8, 4))
    return x, (x + 1) % 3


def estimate(model: nn.Module) -> tuple[float, float]:
    loss = training.mean_loss(model, circle, 2)
    return loss, loss + 1


def test_training_remembers_how_the_loss_fell() -> None:
    history = training.train(Table(), circle, estimate, 50, 0.1, estimate_every=20)
    assert history.parameters == 9
    assert history.steps == [0, 20, 40, 50]
    assert history.training[0] == pytest.approx(math.log(3))
    assert history.training == sorted(history.training, reverse=True)
    assert history.training[-1] < 0.1
    assert history.held_out == [loss + 1 for loss in history.training]
    assert history.seconds[0] == 0 and history.seconds == sorted(history.seconds)
    assert history.seconds_per_step == pytest.approx(history.seconds[-1] / 50)


def test_before_the_first_step_a_step_takes_no_known_time() -> None:
    history = training.train(Table(), circle, estimate, 0, 0.1, estimate_every=20)
    assert history.steps == [0] and math.isnan(history.seconds_per_step)


@pytest.mark.parametrize("mode", [True, False])
def test_mean_loss_evaluates_and_leaves_the_mode(mode: bool) -> None:
    model, modes = Table().train(mode), []
    model.register_forward_hook(lambda module, *_: modes.append(module.training))
    assert training.mean_loss(model, circle, 3) == pytest.approx(math.log(3))
    assert modes == 3 * [False] and model.training is mode


def test_the_mode_is_left_even_where_the_model_fails() -> None:
    model = Table()
    with pytest.raises(IndexError):
        training.mean_loss(model, lambda: (torch.tensor([[7]]), torch.tensor([[0]])), 1)
    assert model.training


def test_a_shared_tensor_counts_once_and_a_frozen_one_not_at_all() -> None:
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    frozen = nn.Linear(9, 9).requires_grad_(False)
    assert training.count_parameters(nn.Sequential(first, second, frozen)) == 16


def test_costs_are_a_line_a_model() -> None:
    history = training.History(4_160, [0, 500], [4.6, 2.5], [4.7, 2.51], [0.0, 1.0])
    heading, line = training.costs({"bigram": history}).splitlines()
    assert heading.split("  ")[0] == "model"
    assert line.split() == ["bigram", "4,160", "500", "2.0", "2.510"]
