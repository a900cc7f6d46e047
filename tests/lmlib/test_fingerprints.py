"""A fingerprint changes with whatever code can reach, and with nothing else."""

import functools
import random
import sys
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lmlib.fingerprints import NoFingerprint, fingerprint

SOURCE = """
import functools, math
import torch
from torch import nn
from torch.nn import functional as F

SCALE = 0.5
SETTINGS = {"width": 12, "layers": [1, 2]}
TABLE = torch.arange(4.0)

def helper(x):
    "Words about it."
    return x * 2

def decorated(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args) + 1
    return inner

@decorated
def wrapped(x):
    return x - 3

def start(weight):
    nn.init.normal_(weight, std=0.02)

class Base(nn.Module):
    rate = 0.1
    def mix(self, x):
        return torch.tanh(x)

class Model(Base):
    def __init__(self, width=12, *, depth=1):
        super().__init__()
        self.map = nn.Linear(width, width)
        start(self.map.weight)
    @property
    def size(self):
        return 3
    @staticmethod
    def squared(x):
        return x ** 2
    def forward(self, x):
        return self.mix(helper(wrapped(x))) * SCALE + TABLE.sum() + SETTINGS["width"]

def maker(width):
    activation = F.relu
    def make():
        return Model(width), activation
    return make

factory = functools.partial(maker(12))
"""


def made(source: str = SOURCE) -> Any:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "cell", "exec"), names)
    return names["factory"]


def test_the_same_code_has_the_same_fingerprint() -> None:
    assert fingerprint(made()) == fingerprint(made("\n\n# moved down\n" + SOURCE))


CHANGES = {
    "a helper": ("x * 2", "x * 3"),
    "a base class": ("torch.tanh(x)", "torch.sigmoid(x)"),
    "an attribute of a base class": ("rate = 0.1", "rate = 0.2"),
    "a settings dict": ('"width": 12', '"width": 13'),
    "a list in a settings dict": ("[1, 2]", "[1, 3]"),
    "a closure": ("activation = F.relu", "activation = F.gelu"),
    "a factory": ("maker(12)", "maker(13)"),
    "an initialiser": ("std=0.02", "std=0.03"),
    "the kind of an initialiser": ("nn.init.normal_(weight, std=0.02)", "nn.init.ones_(weight)"),
    "a tensor": ("torch.arange(4.0)", "torch.arange(4.0) + 1e-6"),
    "a global": ("SCALE = 0.5", "SCALE = 0.25"),
    "a default argument": ("width=12", "width=13"),
    "a default of a keyword": ("depth=1", "depth=2"),
    "a decorated function": ("x - 3", "x - 4"),
    "a decorator": ("function(*args) + 1", "function(*args) + 2"),
    "a property": ("return 3", "return 4"),
    "a static method": ("x ** 2", "x ** 3"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(what: str) -> None:
    old, new = CHANGES[what]
    assert SOURCE.count(old) == 1
    assert fingerprint(made()) != fingerprint(made(SOURCE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Words about it.", "Other words."),
        ("SCALE = 0.5", "SCALE = 0.5\nUNUSED = 7"),
        ("    return x * 2", "    # a remark\n    return x * 2"),
    ],
)
def test_what_changes_nothing_is_not_noticed(old: str, new: str) -> None:
    assert fingerprint(made()) == fingerprint(made(SOURCE.replace(old, new)))


class Slotted:
    __slots__ = ("a",)

    def __init__(self, a: int) -> None:
        self.a = a


class Called:
    def __init__(self, a: int) -> None:
        self.a = a

    def __call__(self, x: int) -> int:
        return x + self.a


class Own(dict):  # type: ignore[type-arg]
    pass


def holder(value: Any) -> Any:
    return lambda: value


def with_attribute(value: int) -> Any:
    function = holder(0)
    function.settings = value
    return function


VALUES: dict[str, tuple[Any, Any]] = {
    "numbers": (1, 2),
    "kinds": (1, 1.0),
    "truth values": (True, 1),
    "texts": ("a", "b"),
    "lists and tuples": ([1], (1,)),
    "order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "arrays": (np.arange(3), np.arange(3) + 1),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "dtypes": (torch.zeros(2), torch.zeros(2).double()),
    "layers": (nn.Linear(2, 2, bias=False), nn.Linear(2, 2)),
    "callable objects": (Called(1), Called(2)),
    "slots": (Slotted(1), Slotted(2)),
    "methods": (Called(1).__call__, Called(2).__call__),
    "partial functions": (functools.partial(max, 1), functools.partial(max, 2)),
    "nested functions": (holder(holder(1)), holder(holder(2))),
    "attributes of a function": (with_attribute(1), with_attribute(2)),
    "cached functions": (functools.cache(holder(1)), functools.cache(holder(2))),
    "sets": ({1, 2}, {1, 3}),
    "subclasses of dict": (Own(a=1), {"a": 1}),
    "default factories": (defaultdict(int), defaultdict(float)),
    "ordered dicts": (OrderedDict(a=1), OrderedDict(a=2)),
    "built-in functions": (max, min),
    "functions of PyTorch": (torch.relu, torch.tanh),
    "devices": (torch.device("cpu"), torch.device("meta")),
    "random states": (random.Random(1), random.Random(2)),
    "generators of PyTorch": (
        torch.Generator().manual_seed(1),
        torch.Generator().manual_seed(2),
    ),
    "generators of NumPy": (np.random.default_rng(1), np.random.default_rng(2)),
    "paths": (Path("a"), Path("b")),
}


@pytest.mark.parametrize("what", VALUES)
def test_values_are_told_apart(what: str) -> None:
    one, other = VALUES[what]
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)


def test_what_refers_to_itself_has_an_end() -> None:
    ring: list[Any] = [1]
    ring.append(ring)

    def recursive(n: int) -> int:
        return recursive(n - 1) if n else 0

    assert fingerprint(ring) == fingerprint(ring) and fingerprint(recursive)


def test_sets_of_texts_do_not_depend_on_hashes() -> None:
    texts = [f"text {number}" for number in range(100)]
    assert fingerprint(set(texts)) == fingerprint(set(reversed(texts)))


def test_a_module_of_ones_own_counts_with_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "my_own_helpers.py"
    file.write_text("def scale(x):\n    return x\n")
    import my_own_helpers  # type: ignore[import-not-found]

    before = fingerprint(holder(my_own_helpers))
    file.write_text("def scale(x):\n    return 2 * x\n")
    assert fingerprint(holder(my_own_helpers)) != before
    del sys.modules["my_own_helpers"]


def test_what_cannot_be_seen_is_said() -> None:
    with open(__file__) as file:
        for value in ((number for number in range(3)), file):
            with pytest.raises(NoFingerprint, match="cannot be inspected"):
                fingerprint(holder(value))
