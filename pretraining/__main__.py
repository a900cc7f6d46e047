"""The command line: `python -m pretraining NAME`, with `-h` for its options."""

import argparse
from dataclasses import replace
from pathlib import Path

from lmlib import weights
from pretraining import card, gru, recurrent, rnn

HERE = Path(__file__).parent
MODELS = {
    "rnn": (rnn.CharacterRNN, rnn.SETTINGS),
    "gru": (gru.CharacterGRU, gru.SETTINGS),
}


def main() -> None:
    """Train a model, write its weights, and write its card beside this module."""
    parser = argparse.ArgumentParser(prog="python -m pretraining", description=__doc__)
    parser.add_argument("name", choices=list(MODELS), help="the model to train")
    parser.add_argument("--epochs", type=int, help="at most so many")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, help="default: the weights that lmlib carries")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    arguments = parser.parse_args()
    model_class, settings = MODELS[arguments.name]
    if arguments.epochs is not None:
        if arguments.epochs < 1:
            parser.error("--epochs must be at least 1.")
        settings = replace(settings, epochs=arguments.epochs)
    if arguments.seed is not None:
        settings = replace(settings, seed=arguments.seed)
    out = arguments.out or weights.PRETRAINED / f"{arguments.name}.safetensors"
    checkpoint = HERE / "checkpoints" / f"{arguments.name}.pt"
    if arguments.out:
        checkpoint = out.with_suffix(".checkpoint.pt")
    run = recurrent.train(arguments.name, model_class, settings, out, checkpoint, arguments.resume)
    print(f"Wrote {out}.")
    if not arguments.out:
        path = HERE / "cards" / f"{arguments.name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(card.model_card(run, weights.load(arguments.name)), encoding="utf-8")
        print(f"Wrote {path}.")


if __name__ == "__main__":
    main()
