import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lmlib import corpora, weights  # noqa: E402
from lmlib.tokenizers import CharacterTokenizer  # noqa: E402
from pretraining import card, evaluate, rnn  # noqa: E402


@pytest.fixture(autouse=True)
def little_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world of a few thousand characters, so that an epoch takes no time."""
    training, test = corpora.rnn_extracts()
    monkeypatch.setattr(corpora, "rnn_extracts", lambda: (training[:8_000], test[:300]))


def run(folder: Path, name: str, resume: bool = False, **changes: int) -> bytes:
    settings = rnn.Settings(rows=8, window=32, **changes)
    out = folder / f"{name}.safetensors"
    rnn.train(settings, out, folder / f"{name}.pt", resume)
    return out.read_bytes()


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    first = run(tmp_path, "first", epochs=2, seed=5)
    assert run(tmp_path, "second", epochs=2, seed=5) == first
    assert run(tmp_path, "third", epochs=2, seed=6) != first


def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path, "whole", epochs=3)
    mean_loss = rnn.mean_loss
    evaluations = []

    def interrupted(*arguments: object) -> float:
        evaluations.append(1)
        if len(evaluations) == 3:
            raise KeyboardInterrupt
        return mean_loss(*arguments)

    monkeypatch.setattr(rnn, "mean_loss", interrupted)
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
    monkeypatch.setattr(rnn, "mean_loss", lambda model, indices: next(losses))
    settings = rnn.Settings(rows=8, window=32, epochs=6, patience=2)
    result = rnn.train(settings, tmp_path / "out", tmp_path / "checkpoint", resume=False)
    assert result["best_epoch"] == 2
    assert len(result["history"]) == 4


def test_numpy_and_pytorch_agree_on_the_exported_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = rnn.CharacterRNN(7, dropout=0.5)
    rnn.export(model.keras_arrays(), "abcdefg", tmp_path / "rnn.safetensors")
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    arrays = weights.load("rnn").arrays
    indices = np.random.default_rng(0).integers(7, size=50)
    expected = math.exp(rnn.mean_loss(model, torch.from_numpy(indices)))
    assert evaluate.rnn_perplexity(arrays, indices) == pytest.approx(expected, rel=1e-3)


def test_the_card_tells_what_the_run_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rnn.safetensors"
    result = rnn.train(rnn.Settings(rows=8, window=32, epochs=2), out, tmp_path / "c", False)
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    text = card.rnn_card(result, weights.load("rnn"))
    assert f"| 2 | {result['history'][1]['training']:.4f} |" in text
    assert f"epoch {result['best_epoch']}, the best" in text
    assert "2 epochs with Adam, seed 2" in text


def test_a_sample_starts_with_its_prompt_and_has_its_length() -> None:
    model = weights.load("rnn")
    tokenizer = CharacterTokenizer(model.vocabulary)
    text = evaluate.rnn_sample(model.arrays, tokenizer, "the king ", 40, seed=1)
    assert text.startswith("the king ") and len(text) == 40
    assert evaluate.rnn_sample(model.arrays, tokenizer, "the", 3, seed=1) == "the"
