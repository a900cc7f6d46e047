"""Helpers for hidden tests: stand-ins, counts of draws, modules with known weights.

A hidden test imports this module under a name that no student uses:

    from nbjudge.kernel import testing as hidden_testing

It runs in the student's process, where anybody can read it, so it contains no answers and nothing
that an answer is compared with. Its only import is NumPy. Helpers for PyTorch use the PyTorch
that the notebook has already imported.
"""

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

_MISSING = object()

# Calling the student's code


def stand_ins(namespace: dict[str, Any], /, **parts: Any) -> Callable[..., Any]:
    """A function that calls another one with `parts` in place of the student's own.

    namespace: where the student's code looks up its parts, which is `globals()` in a notebook
    parts:     name → its value during the call

    The result takes a function and its arguments, and returns or raises what the function does:

        hidden_with_parts = hidden_testing.stand_ins(globals(), step=hidden_step)
        hidden_observe("a walk, with another step", hidden_with_parts, walk, 12)
    """

    def with_parts(function: Callable[..., Any], *arguments: Any) -> Any:
        own = {name: namespace.get(name, _MISSING) for name in parts}
        namespace.update(parts)
        try:
            return function(*arguments)
        finally:
            for name, part in own.items():
                if part is _MISSING:
                    namespace.pop(name, None)
                else:
                    namespace[name] = part

    return with_parts


def base(namespace: dict[str, Any], name: str) -> Any:
    """The student's class `name`, to derive a stand-in from; PyTorch's Module if there is none.

    A model may initialize parts of its own layers, so a layer's stand-in should have them too:

        class hidden_Layer(hidden_testing.base(globals(), "Layer")):
            def __init__(self, size):
                hidden_testing.begin(self, size)
    """
    own, module = namespace.get(name), _torch().nn.Module
    return own if isinstance(own, type) and issubclass(own, module) else module


def begin(part: Any, *sizes: Any) -> None:
    """Construct a stand-in as the class that `base` returned does, as far as that does not fail."""
    _torch().nn.Module.__init__(part)
    with contextlib.suppress(Exception):
        super(type(part), part).__init__(*sizes)


def quiet() -> contextlib.AbstractContextManager[Any]:
    """A context that suppresses printed output."""
    return contextlib.redirect_stdout(io.StringIO())


def counts(draw: Callable[[], Any], outcomes: Iterable[Any], draws: int) -> list[int]:
    """How often `draw()` returned each of the V outcomes, and last, anything else: V + 1 counts."""
    known = list(outcomes)
    found = [0] * (len(known) + 1)
    for _ in range(draws):
        outcome = draw()
        found[known.index(outcome) if outcome in known else -1] += 1
    return found


def reach(function: Callable[..., Any], *arguments: Any) -> Any:
    """Which outputs change with each position of the input: (T, T) truth values.

    function:  maps a tensor of shape (B, T, D) to one of shape (B, T, E)
    arguments: its arguments; the last one is an array of shape (T, D)

    Row t is for output t, column s for input s.
    """
    *others, x = arguments
    T = len(x)
    changed = np.stack([x, *(x + np.eye(T)[:, s : s + 1] for s in range(T))])  # (1 + T, T, D)
    outputs = function(*others, changed).detach()
    return (outputs[1:] - outputs[0]).abs().amax(dim=-1).T > 1e-6


# PyTorch modules


def put(part: Any, weight: Any, bias: Any = None) -> None:
    """Set the weight of an embedding or linear layer, and its bias, which is zero by default.

    part:   a module, or a tensor that is used as one
    weight: shape (rows, columns), or the transpose; cast to the dtype of the part's own weight
    """
    torch = _torch()
    own = getattr(part, "weight", part)
    values = torch.as_tensor(weight, dtype=own.dtype)
    with torch.no_grad():
        own.copy_(values if own.shape == values.shape else values.T)
        if bias is not None:
            part.bias.copy_(torch.as_tensor(bias, dtype=part.bias.dtype))
        elif getattr(part, "bias", None) is not None:
            part.bias.zero_()


def fill(model: Any, width: int, norm: Any = ((1.0,), (0.0,))) -> Any:
    """Give every linear layer identical rows of sum 1.3; returns the model.

    Then the packing of attention heads does not matter. Biases become zero.

    width: how many numbers there are in a row of a parameter outside linear layers
    norm:  the weight and the bias of every LayerNorm
    """
    torch = _torch()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, torch.nn.LayerNorm):
                for parameter, values in zip((part.weight, part.bias), norm, strict=True):
                    parameter.copy_(torch.as_tensor(values, dtype=parameter.dtype))
                continue
            size = part.in_features if isinstance(part, torch.nn.Linear) else width
            for parameter in part.parameters(recurse=False):
                parameter.fill_(1.3 / size if parameter.ndim > 1 else 0.0)
    return model


def tune(model: Any, kinds: Any, width: int) -> Any:
    """Make parts of these kinds return sines of their outputs; returns the model.

    In a model that `fill` has filled, all numbers in a part's output are the same. Here each of
    the `width` numbers gets a frequency of its own.
    """
    torch = _torch()
    pitches = torch.linspace(0.5, 3.0, width)

    def tuned(own: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: torch.sin(own(*given, **named) * pitches)

    for part in model.modules():
        if isinstance(part, kinds):
            part.forward = tuned(part.forward)
    return model


def mix(x: Any, level: float, window: int | None = None) -> Any:
    """A computation for a layer's stand-in: simple, causal, and not a right answer.

    x:      a tensor of shape (B, T, D); the result has the same shape
    level:  a number that depends on all settings of the stand-in, to distinguish them
    window: the largest T

    Raises ValueError if T is larger than the window.
    """
    T = x.shape[1]
    if window is not None and window < T:
        raise ValueError(f"{T} tokens in a window of {window}")
    torch = _torch()
    places = torch.arange(1, T + 1, dtype=x.dtype, device=x.device)[:, None]  # (T, 1)
    return torch.sin(x.cumsum(dim=1) / places + level).flip(-1)


def size(model: Any) -> int:
    """The number of parameters of a module."""
    return sum(parameter.numel() for parameter in model.parameters())


def directions(module: Any, x: Any) -> int:
    """The number of directions in which a module's weight matrices can change its output for x.

    It is the rank of the derivative of all outputs with respect to all weights, which is lower if
    heads share weights or have equal ones. x is an array of a shape that the module accepts.
    """
    torch = _torch()
    weights = [weight for weight in module.parameters() if weight.ndim > 1]
    rows = []
    for number in module(torch.as_tensor(x, dtype=torch.float32)).flatten():
        grads = torch.autograd.grad(number, weights, retain_graph=True, allow_unused=True)
        rows.append(torch.cat([grad.flatten() for grad in grads if grad is not None]))
    return int(torch.linalg.matrix_rank(torch.stack(rows), rtol=1e-5))


def depends(module: Any, x: Any) -> dict[str, Any]:
    """What gradients of a module's output reach: its input, and how many of its LayerNorms.

    x: an array of a shape that the module accepts. The module gets a copy that autograd needs
    again, so one that changes its input in place raises RuntimeError.
    """
    torch = _torch()
    given = torch.as_tensor(x, dtype=torch.float32).requires_grad_()
    output = module(given * 1)
    if output.requires_grad:
        (output * torch.arange(1.0, 1 + output.numel()).sin().view_as(output)).sum().backward()
    norms = [part.weight for part in module.modules() if isinstance(part, torch.nn.LayerNorm)]
    reached = [weight.grad is not None and bool(weight.grad.any()) for weight in (given, *norms)]
    return {"input": reached[0], "norms": sum(reached[1:])}


def at_the_start(model: Any) -> dict[str, bool]:
    """Before training: are the biases of linear maps zero, and norms as LayerNorm makes them?"""
    nn = _torch().nn
    maps = [part for part in model.modules() if isinstance(part, nn.Linear)]
    norms = [part for part in model.modules() if isinstance(part, nn.LayerNorm)]
    has_bias = [bool(part.bias.any()) for part in maps if part.bias is not None]
    changed = [bool((part.weight != 1).any() or part.bias.any()) for part in norms]
    return {"biases are zero": not any(has_bias), "norms are new": not any(changed)}


def large_weights(model: Any) -> list[Any]:
    """The weights of its linear layers and embeddings with more than 1500 numbers each."""
    nn = _torch().nn
    parts = [part for part in model.modules() if isinstance(part, nn.Linear | nn.Embedding)]
    return [part.weight.detach() for part in parts if part.weight.numel() > 1500]


# Models of sequences: `model(ids)` returns scores of shape (B, T, V)


def sequence_arrays(generator: np.random.Generator, V: int, raised: Any = 0.0) -> dict[str, Any]:
    """Random arrays for `sequence_model` with V symbols.

    raised: added to the scores of the first three symbols
    """
    shift = np.zeros(V)
    shift[:3] = raised
    return {
        "table": generator.normal(size=(V, 8)),
        "out": 1.5 * generator.normal(size=(8, V)),
        "raised": shift,
    }


def sequence_model(arrays: Mapping[str, Any]) -> Any:
    """A module whose scores for the next symbol depend on all symbols so far.

    It takes ids of shape (B, T) and returns raw scores of shape (B, T, V).
    """
    torch = _torch()

    class SequenceModel(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            for name, values in arrays.items():
                values = torch.as_tensor(values, dtype=torch.get_default_dtype())
                self.register_buffer(name, values)

        def forward(self, ids: Any) -> Any:
            embedded = self.table[ids]  # (B, T, D)
            places = torch.arange(1, ids.shape[1] + 1, dtype=embedded.dtype)[:, None]
            mixed = (embedded + embedded.cumsum(dim=1) / places.sqrt()).sin()
            return mixed @ self.out + self.raised

    return SequenceModel()


# Language models: `model(ids, targets=None)` returns logits (B, T, V) and the loss, None without
# targets; `model.generate(ids, max_new_tokens)` returns ids and n new ones, (B, T + n).
# `build(arrays)` makes the student's model with these weights. Every call makes a new one.

Build = Callable[[Any], Any]


def logits(build: Build, arrays: Any, ids: Any) -> dict[str, Any]:
    """The logits with and without targets."""
    model = build(arrays)
    with_targets = model(ids, ids.flip([1]))[0]
    return {"alone": model(ids)[0], "with targets": with_targets}


def losses(build: Build, arrays: Any, ids: Any) -> dict[str, Any]:
    """The loss of predicting the next id, for slices of ids and for separate tensors."""
    model = build(arrays)
    x, y = ids[:, :-1], ids[:, 1:]
    whole = model(x.contiguous(), y.contiguous())[1]
    return {"slices": model(x, y)[1], "whole tensors": whole}


def has_no_loss(build: Build, arrays: Any, ids: Any) -> list[bool]:
    """Whether the loss is None, without targets and with them."""
    return [build(arrays)(ids)[1] is None, build(arrays)(ids, ids)[1] is None]


def generated(build: Build, arrays: Any, ids: Any, max_new_tokens: int) -> Any:
    """The model's output of `generate` for ids."""
    return build(arrays).generate(ids, max_new_tokens)


def next_ids(build: Build, arrays: Any, ids: Any, draws: int, V: int) -> np.ndarray:
    """How often each id comes next, (V,), in batches of rows that all begin with ids, (1, T).

    A batch has at most 500 rows, so a seed that is set anew in each batch shows.
    """
    model, counts = build(arrays), np.zeros(V, dtype=int)
    for done in range(0, draws, 500):
        rows = model.generate(ids.repeat(min(500, draws - done), 1), 1)
        counts += np.bincount(rows[:, -1].numpy(), minlength=V)
    return counts


def modes(build: Build, arrays: Any, ids: Any) -> list[bool]:
    """After generating: is all of the model in training mode if it was, any of it if it was not?"""
    model = build(arrays)
    model.train()
    model.generate(ids, 2)
    after_training = all(part.training for part in model.modules())
    model.eval()
    model.generate(ids, 2)
    return [after_training, any(part.training for part in model.modules())]


def records(build: Build, arrays: Any, ids: Any) -> list[bool]:
    """Whether gradients are recorded when the model is called, and ever while it generates."""
    model = build(arrays)
    forward, recorded = model.forward, []

    def watched(*arguments: Any, **named: Any) -> Any:
        recorded.append(_torch().is_grad_enabled())
        return forward(*arguments, **named)

    model.forward = watched
    model(ids)
    model.generate(ids, 2)
    return [recorded[0], any(recorded[1:])]


def shapes_elsewhere(build: Build, arrays: Any, ids: Any) -> list[list[int]]:
    """The shapes of logits and loss on a device that only computes shapes.

    Such a device accepts indices from another one, which a graphics card does not. So here an
    embedding that gets such indices raises RuntimeError.
    """
    torch = _torch()

    class OneDevice(torch.overrides.TorchFunctionMode):  # type: ignore[name-defined]
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if function is torch.nn.functional.embedding and args[0].device != args[1].device:
                raise RuntimeError("indices and table are on different devices")
            return function(*args, **(kwargs or {}))

    ids = ids.to("meta")
    model = build(arrays).to("meta")
    with OneDevice():
        found, loss = model(ids, ids)
    return [list(found.shape), list(loss.shape)]


def _torch() -> Any:
    """PyTorch, which the notebook has imported; a notebook with NumPy only never loads it.

    Raises KeyError if it has not.
    """
    return sys.modules["torch"]
