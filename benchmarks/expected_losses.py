"""Losses of a problem set's models: its notebook's own training runs, with several random seeds.

    python benchmarks/expected_losses.py ps4_bigram_to_transformer

Runs the given and solution cells of the source notebook, training included, once for each seed, and
prints the rows that the notebook shows as expected: held-out losses in nats per token (mean,
smallest, largest).  The profile is `cpu` unless LMLIB_PROFILE says otherwise.  --figure saves the
last run's figure of all losses.
"""

import argparse
import contextlib
import io
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Train with each seed and print what was reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problem_set")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--figure", type=Path, help="where to save the last run's figure")
    options = parser.parse_args()
    os.environ.setdefault("LMLIB_PROFILE", "cpu")
    os.environ["MPLBACKEND"] = "Agg"

    reached: dict[str, list[float]] = defaultdict(list)
    for seed in options.seeds:
        began = time.perf_counter()
        names = run(options.problem_set, seed)
        for model, loss in held_out(names).items():
            reached[model].append(loss)
        minutes = (time.perf_counter() - began) / 60
        print(f"seed {seed}: {minutes:.1f} minutes", flush=True)
    if options.figure:
        figure(names).savefig(options.figure, dpi=110)
    for model, losses in reached.items():
        mean = sum(losses) / len(losses)
        print(f'    "{model}": ({mean:.3f}, {min(losses):.3f}, {max(losses):.3f}),')


def run(problem_set: str, seed: int) -> dict[str, Any]:
    """All names after the notebook's given and solution cells."""
    import torch

    path = ROOT / "source" / problem_set / f"{problem_set}.ipynb"
    torch.manual_seed(seed)
    names: dict[str, Any] = {"__name__": "__main__", "display": lambda figure: None}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and not cell.metadata.nbgrader.grade:
                exec(compile(cell.source, cell.id, "exec"), names)
    return names


def held_out(names: dict[str, Any]) -> dict[str, float]:
    """The losses that the notebook shows as expected: of each model that it has trained."""
    if "histories" in names:
        return {model: history.held_out[-1] for model, history in names["histories"].items()}
    if "history" in names:  # of a single model
        history, last = names["history"], len(names["history"]["val"])
        return {
            f"training, epoch {last}": history["train"][-1],
            "validation, epoch 1": history["val"][0],
            f"validation, epoch {last}": history["val"][-1],
        }
    for model, found in names["results"].items():
        each = 1000 * found["seconds"] / len(found["losses"])
        print(f"{model:<24}{each:8.1f} ms a step{found['held_out']:8.3f}", flush=True)
    return {model: found["held_out"] for model, found in names["results"].items()}


def figure(names: dict[str, Any]) -> Any:
    """The losses of all models in the notebook's last figure of them."""
    if "histories" not in names:
        return names["plots"].loss_curves(
            names["curves"], xlabel="seconds", ylabel="training loss (nats per character)"
        )
    curves = {model: (h.steps, h.held_out) for model, h in names["histories"].items()}
    return names["plots"].loss_curves(curves, blind=names["np"].log(names["V"]))


if __name__ == "__main__":
    main()
