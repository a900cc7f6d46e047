"""Parameters of trained models, as NumPy arrays. `python -m pretraining` made them.

>>> rnn = load("rnn")
>>> rnn.names[0], rnn.arrays[0].shape
('W_xh1', (37, 128))
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

PRETRAINED = Path(__file__).parent / "pretrained"


@dataclass(frozen=True)
class Pretrained:
    """A trained model: its parameters in the order of Keras's `get_weights()`, and its vocabulary.

    The vocabulary travels with the weights, so that the two can never disagree.
    """

    name: str
    names: list[str]
    arrays: list[np.ndarray]  # float32, one for each of names
    vocabulary: str


def load(name: str) -> Pretrained:
    """The trained model called name. The files hold half precision; the arrays are float32.

    Raises ValueError when there is no such model or its file is damaged.
    """
    path = PRETRAINED / f"{name}.safetensors"
    if not path.exists():
        known = ", ".join(sorted(repr(p.stem) for p in PRETRAINED.glob("*.safetensors")))
        raise ValueError(f"There are no weights called {name!r}: choose one of {known}.")
    try:
        with safe_open(path, framework="numpy") as file:
            description = json.loads(file.metadata()["description"])
            names = description["order"]
            arrays = [file.get_tensor(array).astype(np.float32) for array in names]
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The weights at {path} are damaged ({error}): install lmlib again."
        ) from None
    return Pretrained(name, names, arrays, vocabulary=description["vocabulary"])
