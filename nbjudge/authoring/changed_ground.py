"""Ground that a student has changed: cells that may cost no right answer any points.

Each is a cell that students really leave in a notebook. It changes names or settings that the code
after it sees. The audit runs every alternate behind all of them together.
"""

import ast
from collections.abc import Iterable, Mapping

SHADOWED = (
    "list dict set tuple str int float bool len range sum min max abs any all zip map filter "
    "sorted reversed enumerate round isinstance type print id input next iter"
).split()
"""Builtins that students take for names of their own."""

STARS = """
import numpy
globals().update(
    {{name: getattr(numpy, name) for name in numpy.__all__ if name not in {kept!r}}}
)"""
"""`from numpy import *`, but for the names that the student's own code means otherwise."""

SETTINGS = {
    "seeds": """
import random
import numpy as np
random.seed(0)
np.random.seed(0)""",
    "NumPy's error state": "import numpy as np\nnp.seterr(all='raise')",
    "NumPy's print options": "import numpy as np\nnp.set_printoptions(precision=1, suppress=True)",
    "warnings": "import warnings\nwarnings.simplefilter('error')",
    "another folder": "import os, tempfile\nos.chdir(tempfile.mkdtemp())",
    "a replaced print": "import builtins\nbuiltins.print = lambda *values, **options: None",
}
"""Settings that a student's cell may leave."""

SETTINGS_OF_TORCH = {
    "default dtype": "import torch\ntorch.set_default_dtype(torch.float64)",
    "gradient mode": "import torch\ntorch.set_grad_enabled(False)",
    "PyTorch's seed": "import torch\ntorch.manual_seed(0)",
}


def grounds(answers: Iterable[str], packages: Iterable[str]) -> dict[str, str]:
    """The cells that change the ground under some answers, by what they change.

    answers:  the student's own code, which keeps the names that it uses itself
    packages: what the assignment may import
    """
    used = {
        node.id
        for answer in answers
        for node in ast.walk(ast.parse(answer))
        if isinstance(node, ast.Name)
    }
    shadowed = [name for name in SHADOWED if name not in used]
    return {
        "shadowed builtins": "\n".join(f"{name} = 'mine'" for name in shadowed),
        **({"a star import": STARS.format(kept=sorted(used))} if "numpy" in packages else {}),
        **(SETTINGS if "numpy" in packages else {}),
        **(SETTINGS_OF_TORCH if "torch" in packages else {}),
    }


def as_one_cell(found: Mapping[str, str]) -> str:
    """All changes in one cell; star imports come before the names that shadow them."""
    turns = sorted(found, key=lambda what: what == "shadowed builtins")
    return "\n".join(found[what] for what in turns)
