import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lmlib import tokenizers, weights  # noqa: E402
from pretraining import byte_pairs, plays, transformer, transformer_card  # noqa: E402

pytestmark = pytest.mark.slow

CARD = Path(transformer_card.__file__).parent / "cards" / "transformer.md"
TINY = replace(
    transformer.Settings(),
    steps=6,
    vocabulary_size=300,
    block_size=16,
    d_model=16,
    n_layers=2,
    n_heads=2,
    d_ff=24,
    rows=4,
    warmup=2,
    evaluate_every=2,
)


@pytest.fixture
def little_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world of a few thousand characters, so that a run takes no time."""
    training, held_out = plays.training_plays()[0][:6_000], plays.held_out_plays()[0][:600]
    monkeypatch.setattr(plays, "training_plays", lambda: [training])
    monkeypatch.setattr(plays, "held_out_plays", lambda: [held_out])


def run(folder: Path, name: str, resume: bool = False, **changes: int) -> bytes:
    folder.joinpath(name).mkdir(exist_ok=True)
    out = folder / name / "transformer.safetensors"
    settings = replace(TINY, **changes)
    transformer.train(settings, out, out.with_name("t.json"), out.with_name("c.pt"), resume)
    return out.read_bytes()


def test_the_same_seed_gives_the_same_file(tmp_path: Path, little_text: None) -> None:
    first = run(tmp_path, "first")
    assert run(tmp_path, "second") == first
    assert run(tmp_path, "third", seed=4) != first


def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    tmp_path: Path, little_text: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path, "whole")
    learning_rate = transformer.learning_rate

    def interrupted(settings: transformer.Settings, step: int) -> float:
        if step == 5:
            raise KeyboardInterrupt
        return learning_rate(settings, step)

    with monkeypatch.context() as patch:
        patch.setattr(transformer, "learning_rate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, "broken")
    assert not (tmp_path / "broken" / "transformer.safetensors").exists()
    assert run(tmp_path, "broken", resume=True) == whole


def test_resuming_needs_a_checkpoint_of_the_same_settings(
    tmp_path: Path, little_text: None
) -> None:
    with pytest.raises(SystemExit, match=r"no checkpoint at .*start without --resume"):
        run(tmp_path, "none", resume=True)
    run(tmp_path, "some", steps=2)
    with pytest.raises(SystemExit, match="made with other settings"):
        run(tmp_path, "some", resume=True, steps=4)


def test_a_row_of_logits_depends_on_the_past_only() -> None:
    torch.manual_seed(0)
    model = transformer.Transformer(TINY).eval()
    tokens = torch.randint(300, (2, 10))
    changed = tokens.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 300
    with torch.no_grad():
        difference = (model(tokens) - model(changed)).abs().amax(dim=(0, 2))
    assert (difference[:6] == 0).all() and (difference[6:] > 0).all()


def test_each_pass_reads_every_window_once_and_targets_follow_inputs() -> None:
    settings = replace(TINY, block_size=4, rows=2)
    tokens = torch.arange(101)
    windows = transformer.batches(tokens, settings)
    seen: list[int] = []
    for _ in range(11):
        inputs, targets = next(windows)
        assert inputs.shape == targets.shape == (2, 4)
        assert (targets == inputs + 1).all()
        seen += inputs.flatten().tolist()
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("seed", range(5))
def test_too_few_tokens_are_refused_and_just_enough_give_a_batch(seed: int) -> None:
    settings = replace(TINY, block_size=4, rows=2, seed=seed)
    assert next(transformer.batches(torch.arange(16), settings))[0].shape == (2, 4)
    with pytest.raises(ValueError, match="15 tokens are too few: training needs 16"):
        next(transformer.batches(torch.arange(15), settings))


def test_the_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    settings = transformer.Settings()
    rates = [transformer.learning_rate(settings, step) for step in range(settings.steps + 1)]
    assert max(rates) == settings.learning_rate == rates[settings.warmup]
    assert rates[0] == pytest.approx(settings.learning_rate / settings.warmup)
    assert rates[-1] == pytest.approx(settings.learning_rate / 100)


def test_plays_are_held_out_whole() -> None:
    everything = plays.complete_plays()
    assert len(everything) == 38
    assert len(plays.training_plays()) == 35 and len(plays.held_out_plays()) == 3
    assert set(plays.HELD_OUT) <= set(everything)
    assert not set(plays.held_out_plays()) & set(plays.training_plays())
    assert sum(map(len, everything.values())) > 4_700_000


def test_the_tokenizer_in_the_package_is_the_one_that_training_makes() -> None:
    path = tokenizers.PRETRAINED / "shakespeare.tokenizer.json"
    assert byte_pairs.train(1_024).to_str() == path.read_text(encoding="utf-8")


# ---- the model card


def figure(model: str, text: str) -> float:
    """A figure of the card's table of losses."""
    row = re.search(rf"^\| {model} \| {text} \| (\d\.\d{{3}}) \|$", CARD.read_text("utf-8"), re.M)
    assert row, (model, text)
    return float(row[1])


def test_the_cards_figure_on_the_slice_is_that_of_the_weights() -> None:
    model = transformer_card.load(transformer.Settings())
    loss = transformer_card.slice_loss(model, transformer.Settings())
    assert loss == pytest.approx(figure("this network", "the first .* of each"), abs=6e-4)


def test_the_cards_bigram_is_recomputed() -> None:
    loss = transformer_card.bigram_loss()
    assert loss == pytest.approx(figure("character bigrams .*", "the held-out plays"), abs=6e-4)


def test_the_network_is_what_was_promised_and_better_than_simpler_ones() -> None:
    held_out = figure("this network", "the held-out plays")
    assert held_out <= 1.48
    assert held_out < figure("the GRU .*", "the same .*")
    assert held_out < figure("character bigrams .*", "the held-out plays")


def test_the_longest_copied_run_is_found() -> None:
    assert (
        transformer_card.longest_copied("xxto be or noyy", ["not to be or not", "be"])
        == "to be or no"
    )
    assert transformer_card.longest_copied("xyz", ["abc"]) == ""


def test_no_page_was_memorised() -> None:
    """A sample of 1,000 characters copies no more than a phrase."""
    model = transformer_card.load(transformer.Settings())
    text = transformer_card.sample(model, transformer.Settings(), seed=0, characters=300)
    assert len(text) == 300 and text.startswith(transformer_card.PROMPT)
    assert len(transformer_card.longest_copied(text, plays.training_plays())) < 80
    stated = re.search(r"\*\*(\d+) characters\*\*", CARD.read_text("utf-8"))
    assert stated and int(stated[1]) < 80


def test_numpy_reads_the_same_arrays(tmp_path: Path) -> None:
    """The names in the file are those of the module, so nothing was mapped by hand."""
    model = transformer_card.load(transformer.Settings())
    for name, array in weights.parameters("transformer").items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), array)
