"""Who judges how likely a text is after its beginning: a language model that students do not have.

By default an n-gram model of other stories, kept with the key; or any causal language model that
the library `transformers` can read, by one setting in course.toml.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmlib.grading.errors import CourseError
from lmlib.grading.fixture import Fixture
from lmlib.grading.ngrams import NGrams
from lmlib.utterances import decode


@dataclass(frozen=True)
class Oracle:
    """A judge of texts."""

    name: str  # for the feedback page
    nats: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """From beginnings (M, T) and what was added to them (M, n), tokens as in lmlib.utterances, to
    the negative log-likelihood of each text, in nats per character: (M,)."""


def oracle_of(fixture: Fixture, model: str = "") -> Oracle:
    """The oracle for a fixture: a model by its folder or hub name, or else the n-grams.

    Raises CourseError where the model cannot be had.
    """
    if model:
        return Oracle(f"the language model {model}", functools.partial(_model_nats, model))
    grams = _counted(fixture.name, fixture.oracle.tobytes())
    return Oracle(
        "an n-gram model of other stories",
        lambda beginnings, added: -grams.log_probabilities(beginnings, added).mean(axis=1),
    )


@functools.lru_cache(maxsize=2)
def _counted(name: str, text: bytes) -> NGrams:
    """The n-grams of a fixture's text, counted once in each process."""
    return NGrams(np.frombuffer(text, dtype=np.uint8))


def _model_nats(model: str, beginnings: np.ndarray, added: np.ndarray) -> np.ndarray:
    """What a text costs less what its beginning costs, sentences spelled as in a book."""
    nats = [
        _cost(model, _spelled([*begun, *text])) - _cost(model, _spelled(begun))
        for begun, text in zip(beginnings, added, strict=True)
    ]
    return np.array(nats) / added.shape[1]


def _spelled(tokens: list[int] | np.ndarray) -> str:
    return decode(tokens).capitalize()


@functools.lru_cache(maxsize=4096)
def _cost(model: str, text: str) -> float:
    """The negative log-likelihood of a text under a model, in nats."""
    import torch

    network, tokenizer = _loaded(model)
    tokens = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]  # (1, T)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if start is not None:
        tokens = torch.cat([torch.tensor([[start]]), tokens], dim=1)
    with torch.no_grad():
        log_p = network(tokens).logits[0, :-1].double().log_softmax(dim=-1)  # (T - 1, V)
    return -float(log_p.gather(1, tokens[0, 1:, None]).sum())


@functools.lru_cache(maxsize=1)
def _loaded(model: str):  # type: ignore[no-untyped-def]  # transformers has no types of its own
    """A model and its tokenizer, read once in each process."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise CourseError(
            f"The oracle {model} needs the library transformers: `pip install transformers`."
        ) from error
    try:
        return AutoModelForCausalLM.from_pretrained(model).eval(), AutoTokenizer.from_pretrained(
            model
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CourseError(f"The oracle {model} cannot be read: {reason}") from error
