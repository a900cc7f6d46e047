"""The command line: `python -m pretraining NAME`, with `-h` for its options."""

import argparse
from dataclasses import replace
from pathlib import Path

from lmlib import weights
from pretraining import card, checkpoints, gru, recurrent, rnn, transformer, transformer_card

HERE = Path(__file__).parent
RECURRENT = {
    "rnn": (rnn.CharacterRNN, rnn.SETTINGS),
    "gru": (gru.CharacterGRU, gru.SETTINGS),
}


def main() -> None:
    """Train a model, and write its weights and its model card."""
    parser = argparse.ArgumentParser(prog="python -m pretraining", description=__doc__)
    parser.add_argument("name", choices=[*RECURRENT, "transformer"], help="the model to train")
    parser.add_argument("--epochs", type=int, help="maximum number of epochs (rnn, gru)")
    parser.add_argument("--steps", type=int, help="number of steps (transformer)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, help="default: the weights that lmlib carries")
    parser.add_argument("--resume", action="store_true", help="resume from the last checkpoint")
    arguments = parser.parse_args()
    name = arguments.name
    wanted = {key: getattr(arguments, key) for key in ("epochs", "steps", "seed")}
    changes = {key: value for key, value in wanted.items() if value is not None}
    other = "epochs" if name == "transformer" else "steps"
    if other in changes:
        parser.error(f"--{other} is not a setting of {name}.")
    if min(changes.get("epochs", 1), changes.get("steps", 1)) < 1:
        parser.error("--epochs and --steps must be at least 1.")
    out = arguments.out or weights.PRETRAINED / f"{name}.safetensors"
    checkpoint = HERE / "checkpoints" / f"{name}.pt"
    if arguments.out:
        checkpoint = out.with_suffix(".checkpoint.pt")

    if name == "transformer":
        chosen = replace(transformer.Settings(), **changes)
        tokenizer = out.with_name("shakespeare.tokenizer.json")
        run = transformer.train(chosen, out, tokenizer, checkpoint, arguments.resume)
    else:
        model_class, settings = RECURRENT[name]
        settings = replace(settings, **changes)
        run = recurrent.train(name, model_class, settings, out, checkpoint, arguments.resume)
    print(f"Wrote {out}.")
    if not arguments.out:
        if name == "transformer":
            text = transformer_card.model_card(run)
        else:
            text = card.model_card(run, weights.load(name))
        path = HERE / "cards" / f"{name}.md"
        checkpoints.write_in_one_step(path, text.encode())
        print(f"Wrote {path}.")


if __name__ == "__main__":
    main()
