"""The model card: written from the run that made the weights and from the weights themselves."""

import math
from typing import Any

from lmlib import corpora
from lmlib.tokenizers import CharacterTokenizer
from lmlib.weights import Pretrained
from pretraining import evaluate

LAYERS = {
    "rnn": "two recurrent tanh layers (128 and 64 units, one bias each)",
    "gru": "one GRU layer (512 units, reset gate after the product, one bias a gate)",
}

CARD = """\
# Model card: {name}

A character model with {layers} and
a dense output layer over {V} characters: {parameters:,} parameters, half precision. Made by
`python -m pretraining {name}` for the first problem set, whose students sample from it by hand.

## Data

{source}.
{licence}.
In lower case, without speaker lines and digits. The training extract is the first
{training_length:,} characters, the test extract the {test_length:,} that follow. The last
{development_share:.0%} of the training extract were the development split, on which no update was
made.

## Training

{epochs} epochs with Adam, seed {seed}, one thread; windows of {window} characters, {rows} stretches
side by side whose states carry over from window to window; dropout {dropout} between layers, and
{character_dropout:.0%} of the characters read hidden; gradients shortened to norm {gradient_norm};
a learning rate that falls from {learning_rate} to a hundredth of it along a cosine. Kept: epoch
{best_epoch}, the best on the development split. The test extract played no part. The training loss
is measured with dropout on, while the weights change. Losses are in nats per
character:

| epoch | training | development |
|---|---|---|
{curve}

## Held-out perplexity per character

| model | test extract |
|---|---|
| this network | {perplexity:.3f} |
| bigram counts of the training extract, smoothing 0.1 | {bigram:.3f} |
| guessing | {V:.3f} |

## A sample

After the prompt "the king ", drawn with seed 1:

```
{sample}
```

## Limits

It spells and scans like the plays it read, and means nothing. Names, line lengths and the rhythm
of its speeches come from two plays; modern prose is foreign to it. It cannot read a character
outside its vocabulary: {vocabulary!r}.
"""


def model_card(run: dict[str, Any], model: Pretrained) -> str:
    """The card of a run (its settings, its losses, its best epoch) and of the weights it made."""
    training_text, test_text = corpora.rnn_extracts()
    tokenizer = CharacterTokenizer(model.vocabulary)
    test = tokenizer.encode(test_text)
    training = tokenizer.encode(training_text)
    corpus = corpora.load("shakespeare")
    settings = {name: value for name, value in run["settings"].items() if name != "epochs"}
    history = run["history"]
    return CARD.format(
        **settings,
        name=model.name,
        layers=LAYERS[model.name],
        V=len(tokenizer),
        parameters=sum(array.size for array in model.arrays),
        source=corpus.source,
        licence=corpus.licence,
        training_length=len(training),
        test_length=len(test),
        epochs=len(history),
        best_epoch=run["best_epoch"],
        curve="\n".join(curve_rows(history, run["best_epoch"])),
        perplexity=evaluate.perplexity(model, test),
        bigram=evaluate.bigram_perplexity(training, test, len(tokenizer)),
        sample=evaluate.sample(model, "the king ", 400, seed=1),
        vocabulary=model.vocabulary,
    )


def curve_rows(history: list[dict[str, float]], best_epoch: int) -> list[str]:
    """About ten rows of the table of losses, the best and the last epoch among them."""
    last = len(history)
    step = math.ceil(last / 10)
    shown = sorted({*range(1, last + 1, step), best_epoch, last})
    rows = [(epoch, history[epoch - 1]) for epoch in shown]
    return [f"| {n} | {row['training']:.4f} | {row['development']:.4f} |" for n, row in rows]
