"""Attention weights, captured while a model runs.

It works for any model: every softmax with a row for each token is captured, however the layers
and heads are built.  This module needs PyTorch; `import lmlib` does not load it.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lmlib import training


class _Catch(TorchFunctionMode):
    """Keeps the result of every softmax with a row and a column for each of T tokens."""

    def __init__(self, length: int):
        super().__init__()
        self.length = length
        self.caught: list[Tensor] = []

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        if name == "softmax" and tuple(result.shape[-2:]) == (self.length, self.length):
            self.caught.append(result)
        elif name == "multi_head_attention_forward":  # its inner softmax is invisible
            asked = kwargs | {"need_weights": True, "average_attn_weights": False}
            heads = function(*args, **asked)[1]  # (B, heads, T, T) or (heads, T, T)
            if tuple(heads.shape[-2:]) == (self.length, self.length):
                self.caught.append(heads)
        elif name == "scaled_dot_product_attention":
            # with the identity in place of the values, the result is the attention weights
            given = dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)) | kwargs
            identity = torch.eye(self.length, device=result.device, dtype=result.dtype)
            given["value"] = identity.expand(*given["key"].shape[:-2], -1, -1)  # (..., T, T)
            self.caught.append(function(**given))
        return result


@torch.no_grad()
def weights(model: nn.Module, token_ids: Tensor) -> list[np.ndarray]:
    """The attention weights of every head as a model reads a text: arrays (T, T), in order.

    token_ids: (1, T).  Row t of an array says how much position t takes from each position.
    Prints a message and returns an empty list if no softmax over the positions was seen, as in a
    model that computes its own softmax or a layer that is a single compiled operation.
    """
    was_training = model.training
    model.eval()
    try:
        with training.without_fast_path(), _Catch(token_ids.shape[1]) as catch:
            model(token_ids)
    finally:
        model.train(was_training)
    length = token_ids.shape[1]
    if not catch.caught:
        print(
            f"No attention was seen in {type(model).__name__}: it computes no softmax with a row "
            f"and a column for each of the {length} positions, or does so in a layer that cannot "
            "be inspected."
        )
    heads = [head for caught in catch.caught for head in caught.reshape(-1, length, length)]
    return [head.cpu().numpy() for head in heads]
