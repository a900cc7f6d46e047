import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from lmlib import corpora, weights
from lmlib.tokenizers import CharacterTokenizer
from pretraining import evaluate


def test_both_networks_beat_bigram_counts_on_text_they_never_saw() -> None:
    rnn, gru = weights.load("rnn"), weights.load("gru")
    assert rnn.vocabulary == gru.vocabulary  # or their perplexities could not be compared
    training_text, test_text = corpora.rnn_extracts()
    tokenizer = CharacterTokenizer(rnn.vocabulary)
    training, test = tokenizer.encode(training_text), tokenizer.encode(test_text)
    rnn_perplexity = evaluate.perplexity(rnn, test)
    gru_perplexity = evaluate.perplexity(gru, test)
    assert gru_perplexity <= 5.2
    assert rnn_perplexity <= 7.0
    bigram_perplexity = evaluate.bigram_perplexity(training, test, len(tokenizer))
    assert gru_perplexity < rnn_perplexity < bigram_perplexity


def test_the_formula_and_torch_agree_on_the_gru() -> None:
    """All 512 states, after each of 60 characters of real text, in double precision."""
    torch = pytest.importorskip("torch")
    gru = weights.load("gru")
    kernel, recurrent_kernel, bias, dense, dense_bias = (a.astype(np.float64) for a in gru.arrays)
    H, V = len(dense), len(gru.vocabulary)
    layer = torch.nn.GRU(V, H, batch_first=True, dtype=torch.float64)

    def in_torch_order(gates: np.ndarray) -> torch.Tensor:
        update, reset, candidate = np.split(gates, 3, axis=-1)
        return torch.tensor(np.concatenate([reset, update, candidate], axis=-1).T)

    own = dict(layer.named_parameters())
    with torch.no_grad():
        own["weight_ih_l0"].copy_(in_torch_order(kernel))
        own["weight_hh_l0"].copy_(in_torch_order(recurrent_kernel))
        own["bias_ih_l0"].copy_(in_torch_order(bias[0]))
        own["bias_hh_l0"].copy_(in_torch_order(bias[1]))
        indices = CharacterTokenizer(gru.vocabulary).encode(corpora.rnn_extracts()[1][:60])
        one_hot = torch.nn.functional.one_hot(torch.from_numpy(indices), V).double()
        states, _ = layer(one_hot[None])  # (1, 60, H)
    expected = states[0].numpy() @ dense + dense_bias
    logits = np.stack(list(evaluate.gru_logits(gru.arrays, indices)))
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)


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


def test_the_gru_is_in_keras_order_and_has_the_bias_of_the_equations() -> None:
    gru = weights.load("gru")
    V = len(gru.vocabulary)
    assert [array.shape for array in gru.arrays] == [
        (V, 3 * 512),
        (512, 3 * 512),
        (2, 3 * 512),
        (512, V),
        (V,),
    ]
    assert all(array.dtype == np.float32 for array in gru.arrays)
    assert all(np.isfinite(array).all() for array in gru.arrays)
    assert not gru.arrays[2][1, 2 * 512 :].any()  # the candidate's recurrent bias


def test_the_vocabulary_is_that_of_the_training_extract() -> None:
    training_text, _ = corpora.rnn_extracts()
    assert weights.load("rnn").vocabulary == "".join(sorted(set(training_text)))


def test_each_load_is_a_copy_of_its_own() -> None:
    weights.load("rnn").arrays[0][:] = 0
    assert weights.load("rnn").arrays[0].any()


def test_the_transformers_arrays_come_by_name_in_single_precision() -> None:
    params = weights.parameters("transformer")
    assert sum(array.size for array in params.values()) == 9_438_464
    assert all(array.dtype == np.float32 for array in params.values())
    assert all(np.isfinite(array).all() for array in params.values())
    frequencies = 10_000.0 ** (-np.arange(0, 512, 2) / 512)
    np.testing.assert_allclose(params["position_embedding.inv_freq"], frequencies, rtol=1e-6)


def test_a_model_without_characters_says_where_its_arrays_are() -> None:
    with pytest.raises(ValueError, match=r"weights\.parameters\('transformer'\)"):
        weights.load("transformer")
    assert list(weights.parameters("gru")) == weights.load("gru").names


def test_the_transformer_names_the_tokenizer_it_was_trained_with() -> None:
    with safe_open(weights.PRETRAINED / "transformer.safetensors", framework="numpy") as file:
        description = json.loads(file.metadata()["description"])
    tokenizer = (weights.PRETRAINED / "shakespeare.tokenizer.json").read_bytes()
    assert description["tokenizer"] == hashlib.sha256(tokenizer).hexdigest()


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
