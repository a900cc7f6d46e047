"""Gradient checking by finite differences.

This module needs PyTorch; `import lmlib` does not load it.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

STEP = 1e-5
"""The size of a perturbation; in float64 the error of a central difference is then below 1e-8."""


@torch.no_grad()
def finite_differences(loss: Callable[[], Tensor], array: Tensor) -> Tensor:
    """The derivative of a loss with respect to each number of an array, by central differences.

    loss:  computes the loss, a tensor (), from the current values of `array`
    array: float64, any shape; it is perturbed in place and then restored

    Returns a tensor of the shape of `array`.  Raises ValueError if the array is not float64,
    because rounding errors would swamp the differences.
    """
    if array.dtype != torch.float64:
        raise ValueError(f"Finite differences need float64; the array is {array.dtype}.")
    found = torch.empty_like(array)
    numbers, derivatives = array.view(-1), found.view(-1)
    for place, number in enumerate(numbers.tolist()):
        numbers[place] = number + STEP
        above = loss()
        numbers[place] = number - STEP
        derivatives[place] = (above - loss()) / (2 * STEP)
        numbers[place] = number
    return found


def compare(
    loss: Callable[[], Tensor],
    derivatives: Mapping[str, tuple[Tensor, Tensor]],
    tolerance: float = 1e-5,
) -> list[str]:
    """Print a line for each derivative: how far it is from the finite differences.

    derivatives: name → the array, as for finite_differences, and the derivative of the loss with
                 respect to it, which is to be checked
    tolerance:   the largest relative error, |found - tried| / |found| in Euclidean norms

    Returns the names of the derivatives that are wrong.
    """
    wrong = []
    for name, (array, tried) in derivatives.items():
        problem = _problem(finite_differences(loss, array), tried, tolerance)
        if problem:
            wrong.append(name)
        print(f"{'✗' if problem else '✓'} {name:<10}{problem or 'agrees'}")
    return wrong


def _problem(found: Tensor, tried: Tensor, tolerance: float) -> str:
    """What is wrong with a derivative, in a few words; empty if nothing is."""
    if tried.shape != found.shape:
        return f"has shape {tuple(tried.shape)}, not {tuple(found.shape)}"
    size = max(float(found.norm()), 1e-12)
    error = float((found - tried).norm()) / size
    if error <= tolerance:
        return ""
    place = int((found - tried).abs().argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(place), found.shape))
    return (
        f"is off: relative error {error:.1e}; furthest at {list(index)},"
        f" {float(tried.reshape(-1)[place]):.4g} instead of {float(found.view(-1)[place]):.4g}"
    )
