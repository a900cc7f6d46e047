"""The oracles: what they say of likely and of unlikely text, and how one is chosen."""

import numpy as np
import pytest
from test_held_back import SMALL, generations

from lmlib.grading import fixture, held_back
from lmlib.grading.errors import CourseError
from lmlib.grading.ngrams import ORDER, NGrams
from lmlib.grading.oracles import oracle_of
from lmlib.utterances import SYMBOLS, decode


@pytest.fixture(scope="module")
def held():
    return fixture.make(seed=5, sizes=SMALL)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A folder with a GPT-2 of a thousand random numbers, and its tokenizer."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("oracle") / "tiny-gpt2"
    letters = sorted(set("".join(SYMBOLS[3:] + SYMBOLS[3:29]).lower() + "".join(SYMBOLS[3:])))
    vocabulary = {letter: number for number, letter in enumerate(["<s>", *letters])}
    rules = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges=[]))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=rules, bos_token="<s>", eos_token="<s>"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=len(vocabulary), n_embd=8, n_layer=1, n_head=2, n_positions=128,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_n_grams_are_counted():
    tokens = np.array([3, 4, 3, 4, 5], dtype=np.uint8)
    grams = NGrams(tokens)
    assert grams.counts(np.array([[3, 4], [4, 3], [4, 4]])).tolist() == [2, 1, 0]
    assert grams.counts(np.array([[30] * ORDER])).tolist() == [0]


def test_probabilities_are_those_of_witten_and_bell():
    grams = NGrams(np.array([3, 4, 3, 4, 5], dtype=np.uint8))
    beginning = np.array([[9] * ORDER + [3, 4]])
    [[found]] = np.exp(grams.log_probabilities(beginning, np.array([[5]])))
    first = (1 + 3 / 31) / (5 + 3)  # 5 comes once in five symbols of three kinds
    second = (1 + 2 * first) / (2 + 2)  # after 4 come 3 and 5
    third = (1 + 2 * second) / (2 + 2)  # and so they do after 3 4
    special = 3 * (3 / 31) / 8 * (2 / 4) * (2 / 4)  # none occurs; this is left for them
    assert found == pytest.approx(third / (1 - special))


def test_probabilities_sum_to_one(held):
    grams = NGrams(held.oracle)
    beginnings = np.repeat(held.beginnings[:1], 31, axis=0)
    log_p = grams.log_probabilities(beginnings[:28], np.arange(3, 31)[:, None])
    assert np.exp(log_p).sum() == pytest.approx(1)


def test_what_really_follows_is_likelier_than_what_follows_another(held):
    oracle = oracle_of(held)
    true = oracle.nats(held.beginnings, held.beginnings_follow).mean()
    other = oracle.nats(held.beginnings, np.roll(held.beginnings_follow, 1, axis=0)).mean()
    letters = oracle.nats(held.beginnings, np.full_like(held.beginnings_follow, 5)).mean()
    assert true + 0.5 < other < letters


def test_any_model_of_transformers_can_judge(held, tiny_model):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    oracle = oracle_of(held, str(tiny_model))
    found = oracle.nats(held.beginnings, held.beginnings_follow)
    assert found.shape == (SMALL.beginnings,)

    model = transformers.GPT2LMHeadModel.from_pretrained(tiny_model).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    text = decode([*held.beginnings[0], *held.beginnings_follow[0]]).capitalize()
    tokens = torch.tensor([[0, *tokenizer.convert_tokens_to_ids(list(text))]])
    with torch.no_grad():
        log_p = model(tokens).logits[0, :-1].log_softmax(dim=-1)
    chosen = log_p[range(70), tokens[0, 1:]]  # of 40 characters that were given and 30 that follow
    assert found[0] == pytest.approx(-float(chosen[40:].mean()), rel=1e-4)


def test_the_feedback_says_who_judged(held, tiny_model):
    _, words = held_back.score_generations(held, generations(held), str(tiny_model))
    assert f"the judge was the language model {tiny_model}" in words


def test_a_model_that_cannot_be_had_is_said(held, tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(CourseError, match="cannot be read"):
        oracle_of(held, str(tmp_path / "nothing")).nats(held.beginnings, held.beginnings_follow)
