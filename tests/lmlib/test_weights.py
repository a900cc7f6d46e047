from pathlib import Path

import numpy as np
import pytest

from lmlib import corpora, weights
from lmlib.tokenizers import CharacterTokenizer
from pretraining import evaluate


def test_the_network_beats_bigram_counts_on_text_it_never_saw() -> None:
    rnn = weights.load("rnn")
    training_text, test_text = corpora.rnn_extracts()
    tokenizer = CharacterTokenizer(rnn.vocabulary)
    training, test = tokenizer.encode(training_text), tokenizer.encode(test_text)
    perplexity = evaluate.rnn_perplexity(rnn.arrays, test)
    assert perplexity <= 7.0
    assert perplexity < evaluate.bigram_perplexity(training, test, len(tokenizer))


def test_arrays_come_in_keras_order() -> None:
    rnn = weights.load("rnn")
    V = len(rnn.vocabulary)
    assert dict(zip(rnn.names, [array.shape for array in rnn.arrays], strict=True)) == {
        "W_xh1": (V, 128),
        "W_h1h1": (128, 128),
        "b_h1": (128,),
        "W_h1h2": (128, 64),
        "W_h2h2": (64, 64),
        "b_h2": (64,),
        "W_h2y": (64, V),
        "b_y": (V,),
    }
    assert all(array.dtype == np.float32 for array in rnn.arrays)
    assert all(np.isfinite(array).all() for array in rnn.arrays)


def test_the_vocabulary_is_that_of_the_training_extract() -> None:
    training_text, _ = corpora.rnn_extracts()
    assert weights.load("rnn").vocabulary == "".join(sorted(set(training_text)))


def test_each_load_is_a_copy_of_its_own() -> None:
    weights.load("rnn").arrays[0][:] = 0
    assert weights.load("rnn").arrays[0].any()


def test_unknown_weights_are_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'lstm': choose one of .*'rnn'"):
        weights.load("lstm")


@pytest.mark.parametrize("length", [0, 5, 1_000])
def test_a_damaged_file_is_refused(
    length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (weights.PRETRAINED / "rnn.safetensors").read_bytes()
    (tmp_path / "rnn.safetensors").write_bytes(whole[:length])
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    with pytest.raises(ValueError, match=r"rnn\.safetensors are damaged .* install lmlib again"):
        weights.load("rnn")
