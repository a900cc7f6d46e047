import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lmlib import corpora, weights  # noqa: E402
from pretraining import card, evaluate, gru, recurrent, rnn  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def little_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world of a few thousand characters, so that an epoch takes no time."""
    training, test = corpora.rnn_extracts()
    monkeypatch.setattr(corpora, "rnn_extracts", lambda: (training[:8_000], test[:300]))


def run(folder: Path, name: str, resume: bool = False, **changes: int) -> bytes:
    settings = replace(rnn.SETTINGS, rows=8, window=32, **changes)
    out = folder / f"{name}.safetensors"
    recurrent.train("rnn", rnn.CharacterRNN, settings, out, folder / f"{name}.pt", resume)
    return out.read_bytes()


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    first = run(tmp_path, "first", epochs=2, seed=5)
    assert run(tmp_path, "second", epochs=2, seed=5) == first
    assert run(tmp_path, "third", epochs=2, seed=6) != first


def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path, "whole", epochs=3)
    mean_loss = recurrent.mean_loss
    evaluations = []

    def interrupted(*arguments: object) -> float:
        evaluations.append(1)
        if len(evaluations) == 3:
            raise KeyboardInterrupt
        return mean_loss(*arguments)

    monkeypatch.setattr(recurrent, "mean_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "broken", epochs=3)
    assert not (tmp_path / "broken.safetensors").exists()
    assert run(tmp_path, "broken", resume=True, epochs=3) == whole


def test_resuming_needs_a_checkpoint_of_the_same_settings(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no checkpoint at .*start without --resume"):
        run(tmp_path, "none", resume=True, epochs=1)
    run(tmp_path, "some", epochs=1)
    with pytest.raises(SystemExit, match="made with other settings"):
        run(tmp_path, "some", resume=True, epochs=2)


def test_training_stops_when_the_development_split_no_longer_improves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([2.0, 1.5, 1.6, 1.7, 1.8, 1.9])
    monkeypatch.setattr(recurrent, "mean_loss", lambda model, indices: next(losses))
    settings = replace(rnn.SETTINGS, rows=8, window=32, epochs=6, patience=2)
    out, checkpoint = tmp_path / "out", tmp_path / "checkpoint"
    result = recurrent.train("rnn", rnn.CharacterRNN, settings, out, checkpoint, resume=False)
    assert result["best_epoch"] == 2
    assert len(result["history"]) == 4


MODELS = {"rnn": (rnn.CharacterRNN, rnn.SETTINGS), "gru": (gru.CharacterGRU, gru.SETTINGS)}


@pytest.mark.parametrize("name", MODELS)
def test_numpy_and_pytorch_agree_on_the_exported_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    torch.manual_seed(0)
    model_class, settings = MODELS[name]
    model = model_class(7, settings)
    arrays = recurrent.in_half_precision(model.keras_arrays())
    recurrent.export(name, arrays, "abcdefg", tmp_path / f"{name}.safetensors")
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    indices = np.random.default_rng(0).integers(7, size=50)
    expected = math.exp(recurrent.mean_loss(model, torch.from_numpy(indices)))
    assert evaluate.perplexity(weights.load(name), indices) == pytest.approx(expected, rel=1e-3)


def test_the_gru_is_trained_in_the_form_that_students_write() -> None:
    """Its recurrent bias stays at zero, in every gate, through an update."""
    model = gru.CharacterGRU(7, gru.SETTINGS)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.1)
    logits, _ = model(torch.arange(7)[None], model.zero_states(1))
    logits.square().sum().backward()
    optimizer.step()
    assert not model.keras_arrays()["bias"][1].any()
    assert model.keras_arrays()["bias"][0].any()


def test_hidden_characters_are_hidden_in_training_only() -> None:
    model = gru.CharacterGRU(7, replace(gru.SETTINGS, character_dropout=0.5))
    torch.manual_seed(0)
    indices = torch.zeros(1, 1000, dtype=torch.long)
    assert 400 < model.train().one_hot(indices).sum() < 600
    assert model.eval().one_hot(indices).sum() == 1000


@pytest.mark.parametrize("name", MODELS)
def test_the_card_tells_what_the_run_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / f"{name}.safetensors"
    model_class, settings = MODELS[name]
    settings = replace(settings, rows=8, window=32, epochs=2)
    result = recurrent.train(name, model_class, settings, out, tmp_path / "c", resume=False)
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    text = " ".join(card.model_card(result, weights.load(name)).split())
    assert f"`python -m pretraining {name}`" in text
    assert f"| 2 | {result['history'][1]['training']:.4f} |" in text
    assert f"epoch {result['best_epoch']}, the best" in text
    assert "2 epochs with Adam, seed 2" in text


@pytest.mark.parametrize("name", MODELS)
def test_a_sample_starts_with_its_prompt_and_has_its_length(name: str) -> None:
    model = weights.load(name)
    text = evaluate.sample(model, "the king ", 40, seed=1)
    assert text.startswith("the king ") and len(text) == 40
    assert evaluate.sample(model, "the", 3, seed=1) == "the"
