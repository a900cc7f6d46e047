"""Fingerprints of code and data: equal for the same, different once anything in it changes.

A fingerprint follows whatever a function can reach: its code, default arguments, closure and
globals, the helpers that it calls, classes and their bases, containers, arrays and objects with all
that they hold.  Where a definition is written does not matter, so a cell that is run again changes
nothing.  What is installed (Python's own library, packages, lmlib) counts by its name alone.
"""

import dis
import functools
import hashlib
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PLAIN = (type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis))
OF_EVERY_CLASS = ("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__",
                  "__annotations__", "__firstlineno__", "__static_attributes__",
                  "__slotnames__")  # fmt: skip
OF_C = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
        types.MethodWrapperType, types.GetSetDescriptorType, types.MemberDescriptorType,
        types.ClassMethodDescriptorType)  # fmt: skip
INSTALLED = ("site-packages", "dist-packages")


class NoFingerprint(Exception):
    """Something whose contents cannot be seen. The message names it."""


def fingerprint(*values: object) -> str:
    """Sixteen hexadecimal digits for everything that the values hold and reach.

    Raises NoFingerprint if a part of them cannot be looked into, as a generator or an open file.
    """
    walk = _Walk()
    for value in values:
        walk.add(value)
    return walk.digest.hexdigest()[:16]


class _Walk:
    """Goes through values and all that they hold, each object once."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.numbers: dict[int, int] = {}  # of the objects on the way, by id
        self.alive: list[object] = []  # so that no id is used twice

    def note(self, *words: object) -> None:
        """Add words that are written the same every time."""
        for word in words:
            written = word if isinstance(word, bytes) else repr(word).encode()
            self.digest.update(len(written).to_bytes(8, "big") + written)

    def add(self, value: Any) -> None:
        if isinstance(value, PLAIN):
            return self.note(type(value).__name__, value)
        if id(value) in self.numbers:
            return self.note("seen", self.numbers[id(value)])
        self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)
        if isinstance(value, types.CodeType):
            self.add_code(value)
        elif isinstance(value, types.ModuleType):
            self.add_module(value)
        elif isinstance(value, types.FunctionType):
            self.add_function(value)
        elif isinstance(value, type):
            self.add_class(value)
        elif isinstance(value, dict):
            self.add_all("dict", (part for item in value.items() for part in item))
            self.add_what_a_subclass_has(value, dict)
        elif isinstance(value, list | tuple):
            self.add_all(type(value).__name__, value)
        elif isinstance(value, set | frozenset):
            self.note("set", *sorted(fingerprint(part) for part in value))
        else:
            self.add_object(value)
        return None

    def add_all(self, kind: str, parts: Iterable[object]) -> None:
        parts = list(parts)
        self.note(kind, len(parts))
        for part in parts:
            self.add(part)

    def add_what_a_subclass_has(self, value: Any, base: type) -> None:
        """The class of an object of a subclass, such as a defaultdict, and its attributes."""
        if type(value) is not base:
            self.add(type(value))
            self.add(getattr(value, "default_factory", None))
            self.add(getattr(value, "__dict__", None))

    def add_code(self, code: types.CodeType) -> None:
        constants = code.co_consts[1:] if _has_docstring(code) else code.co_consts
        self.note("code", code.co_code, code.co_names, code.co_varnames, code.co_flags)
        self.add_all("constants", constants)

    def add_module(self, module: types.ModuleType) -> None:
        self.note("module", module.__name__)
        file = getattr(module, "__file__", None)
        if not _is_installed(module.__name__) and file:
            self.note(Path(file).read_bytes())

    def add_function(self, function: types.FunctionType) -> None:
        if _is_installed(function.__module__):
            return self.note("installed", function.__module__, function.__qualname__)
        self.note("function", function.__name__)
        self.add(function.__code__)
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            try:
                self.add(cell.cell_contents)
            except ValueError:  # not filled yet
                self.note("empty cell")
        for name in sorted(set(_global_names(function.__code__))):
            if name in function.__globals__:
                self.note(name)
                self.add(function.__globals__[name])
        if own := {k: v for k, v in vars(function).items() if k != "__wrapped__"}:
            self.add(own)
        self.add(getattr(function, "__wrapped__", None))
        return None

    def add_class(self, kind: type) -> None:
        if _is_installed(kind.__module__):
            return self.note("installed", kind.__module__, kind.__qualname__)
        self.note("class", kind.__name__)
        self.add_all("bases", kind.__bases__)
        for name in sorted(vars(kind)):
            if name not in OF_EVERY_CLASS and not name.startswith(("_abc_", "__annotate")):
                self.note(name)
                self.add(vars(kind)[name])
        return None

    def add_object(self, value: Any) -> None:
        """An object that is neither plain, nor code, nor one of Python's own containers."""
        kind = type(value)
        if "torch" in sys.modules and self.add_of_torch(value):
            return
        if isinstance(value, functools.partial):
            self.add_all("partial", (value.func, value.args, value.keywords))
        elif isinstance(value, types.MethodType):
            self.add_all("method", (value.__func__, value.__self__))
        elif isinstance(value, staticmethod | classmethod):
            self.add_all(kind.__name__, (value.__func__,))
        elif isinstance(value, property):
            self.add_all("property", (value.fget, value.fset, value.fdel))
        elif isinstance(value, functools.cached_property):
            self.add_all("property", (value.func,))
        elif hasattr(value, "__wrapped__"):  # functools.cache and others that are written in C
            self.add_all(kind.__name__, (value.__wrapped__,))
        elif hasattr(value, "__array_interface__"):  # NumPy's
            self.note("array", value.shape, str(value.dtype), value.tobytes())
        elif kind.__module__ == "numpy" and kind.__name__ == "ufunc":
            self.note("ufunc", value.__name__)
        elif isinstance(value, OF_C):
            self.note(kind.__name__, getattr(value, "__module__", None), value.__qualname__)
        else:
            self.add(kind)
            self.add_state(value)

    def add_of_torch(self, value: Any) -> bool:
        """Tensors and what else of PyTorch holds its data elsewhere than in attributes."""
        import torch

        if isinstance(value, torch.Tensor):
            raw = value.detach().cpu().contiguous().flatten().view(torch.uint8)
            self.note("tensor", tuple(value.shape), str(value.dtype), value.requires_grad)
            self.note(raw.numpy().tobytes())
        elif isinstance(value, torch.Generator):
            self.note("generator", value.get_state().numpy().tobytes())
        elif isinstance(value, torch.dtype | torch.device | torch.Size | torch.layout):
            self.note(str(value))
        else:
            return False
        return True

    def add_state(self, value: Any) -> None:
        """All that an object holds, as it would be pickled: attributes, or what its type adds."""
        try:
            reduced = value.__reduce_ex__(2)
        except Exception as error:  # each type has its own for what it cannot be pickled as
            raise NoFingerprint(f"a {type(value).__name__} cannot be inspected") from error
        if isinstance(reduced, str):
            return self.note(reduced)
        for part in reduced:
            self.add(list(part) if isinstance(part, Iterator) else part)
        return None


def _has_docstring(code: types.CodeType) -> bool:
    return (
        bool(code.co_consts) and isinstance(code.co_consts[0], str) and code.co_name != "<lambda>"
    )


def _global_names(code: types.CodeType) -> Iterator[str]:
    """The names that code looks up outside itself, in the functions inside it too."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _is_installed(module: str | None) -> bool:
    root = (module or "builtins").partition(".")[0]
    if root == "__main__":
        return False
    if root in sys.stdlib_module_names or root == __name__.partition(".")[0]:
        return True
    found = sys.modules.get(module or root) or sys.modules.get(root)
    file = getattr(found, "__file__", None)
    return file is None or any(place in Path(file).parts for place in INSTALLED)
