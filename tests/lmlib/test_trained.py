"""Trainings that are kept: repeated only if something that they rest on has changed."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from lmlib import trained


class Model(nn.Module):
    def __init__(self, size: int = 2):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def losses(model: Model, runs: list[int]) -> list[float]:
    """A training that counts its runs."""
    runs.append(1)
    with torch.no_grad():
        model.weight.fill_(3.0)
    return [2.0, 1.0]


def test_the_second_time_a_model_gets_its_weights_and_results_from_disk(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs: list[int] = []
    for model in (Model(), Model()):
        learn = partial(losses, model, runs)
        assert trained.once("A model", model, learn, 5) == [2.0, 1.0]
        assert model.weight.tolist() == [3.0, 3.0]
    assert len(runs) == 1
    assert "Delete trained/a_model.pt to train it again." in capsys.readouterr().out


def test_another_size_text_or_code_trains_again() -> None:
    runs: list[int] = []
    model = Model()
    for rests_on in (5, 6, "text", losses, lambda: 1, lambda: 2):
        trained.once("a model", model, lambda: losses(model, runs), rests_on)
    larger = Model(3)
    trained.once("a model", larger, lambda: losses(larger, runs), 5)
    assert len(runs) == 7


@pytest.mark.parametrize("content", [b"", b"no file of PyTorch", b"PK\x03\x04"])
def test_a_damaged_file_is_replaced(content: bytes) -> None:
    trained.FOLDER.mkdir()
    (trained.FOLDER / "a_model.pt").write_bytes(content)
    runs: list[int] = []
    model = Model()
    for _ in range(2):
        trained.once("a model", model, lambda: losses(model, runs))
    assert len(runs) == 1


def test_what_cannot_be_compared_is_trained_each_time() -> None:
    for _ in range(2):
        assert trained.once("a model", None, lambda: 1, (number for number in "ab")) == 1
    assert not trained.FOLDER.exists()
