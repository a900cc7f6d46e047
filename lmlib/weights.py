"""Parameters of trained models, as NumPy arrays, made by `python -m pretraining`.

>>> rnn = load("rnn")
>>> rnn.names[0], rnn.arrays[0].shape
('W_xh1', (37, 128))
>>> parameters("transformer")["layers.0.attention.wq.weight"].shape
(512, 512)
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

PRETRAINED = Path(__file__).parent / "pretrained"


@dataclass(frozen=True)
class Pretrained:
    """A trained character model: its parameters in the order of Keras's `get_weights()`.

    The vocabulary is stored with the weights, so that the two always match.
    """

    name: str
    names: list[str]
    arrays: list[np.ndarray]  # float32, one for each of names
    vocabulary: str


def load(name: str) -> Pretrained:
    """The character model called name: "rnn" or "gru".

    The arrays are float32, stored in half precision. Raises ValueError if there is no such
    model or its file is damaged.
    """
    arrays, description = _read(name)
    if "vocabulary" not in description:
        raise ValueError(
            f"The model {name!r} does not read characters: weights.parameters({name!r}) has its"
            " arrays by name."
        )
    return Pretrained(name, list(arrays), list(arrays.values()), description["vocabulary"])


def parameters(name: str) -> dict[str, np.ndarray]:
    """The arrays of the model called name, by their names; float32, stored in half precision.

    "transformer" reads the tokens of `lmlib.tokenizers.load("shakespeare")`. Raises ValueError
    if there is no such model or its file is damaged.
    """
    return _read(name)[0]


def _read(name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays in a model's file, in order, and the file's description of the model."""
    path = PRETRAINED / f"{name}.safetensors"
    if not path.exists():
        known = ", ".join(sorted(repr(p.stem) for p in PRETRAINED.glob("*.safetensors")))
        raise ValueError(f"There are no weights called {name!r}: choose one of {known}.")
    try:
        with safe_open(path, framework="numpy") as file:
            description = json.loads(file.metadata()["description"])
            order = description["order"]
            arrays = {array: file.get_tensor(array).astype(np.float32) for array in order}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The weights at {path} are damaged ({error}): install lmlib again."
        ) from None
    return arrays, description
