"""Attention weights are caught in whatever way a model computes them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmlib import attention

B, T, D, HEADS = 1, 7, 12, 3


class Attention(nn.Module):
    """Causal attention with packed projections; `mix` weighs the values."""

    def __init__(self, mix: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.embedding = nn.Parameter(torch.randn(20, D, generator=generator))
        self.maps = nn.Parameter(torch.randn(D, 3 * D, generator=generator) / 2)
        self.mix = mix

    def forward(self, token_ids: Tensor) -> Tensor:
        heads = (self.embedding[token_ids] @ self.maps).unflatten(-1, (3, HEADS, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each (B, HEADS, T, D / HEADS)
        return self.mix(q, k, v)


def past() -> Tensor:
    return torch.ones(T, T, dtype=torch.bool).tril()


def scores(q: Tensor, k: Tensor) -> Tensor:
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(~past(), float("-inf"))


def one_by_one(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    heads = [F.softmax(scores(q[:, h], k[:, h]), dim=-1) @ v[:, h] for h in range(HEADS)]
    return torch.cat(heads, dim=-1)


WAYS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "F.softmax": lambda q, k, v: F.softmax(scores(q, k), dim=-1) @ v,
    "torch.softmax": lambda q, k, v: torch.softmax(scores(q, k), dim=-1) @ v,
    "the method": lambda q, k, v: scores(q, k).softmax(dim=-1) @ v,
    "nn.Softmax": lambda q, k, v: nn.Softmax(dim=-1)(scores(q, k)) @ v,
    "head by head": one_by_one,
    "fused, causal": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    "fused, masked": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=past()),
    "fused, by name": lambda q, k, v: F.scaled_dot_product_attention(
        query=q, key=k, value=v, is_causal=True
    ),
}


def expected(token_ids: Tensor) -> np.ndarray:
    weights: list[Tensor] = []

    def keep(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights.append(torch.exp(scores(q, k)) / torch.exp(scores(q, k)).sum(-1, keepdim=True))
        return v

    Attention(keep)(token_ids)
    return weights[0][0].detach().numpy()


@pytest.mark.parametrize("way", WAYS)
def test_weights_are_caught(way: str) -> None:
    token_ids = torch.arange(T)[None]
    caught = attention.weights(Attention(WAYS[way]), token_ids)
    assert len(caught) == HEADS
    np.testing.assert_allclose(np.stack(caught), expected(token_ids), rtol=1e-4, atol=1e-6)


def test_a_softmax_over_something_else_is_not_one(capsys: pytest.CaptureFixture[str]) -> None:
    model = Attention(lambda q, k, v: F.softmax(v, dim=-1))
    assert attention.weights(model, torch.arange(T)[None]) == []
    assert "No attention was seen in Attention: it computes no softmax" in capsys.readouterr().out


class Layered(nn.Module):
    """Layers of PyTorch's own, which are evaluated by a fast path unless it is switched off."""

    def __init__(self, layers: int, bias: Tensor) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.table, self.bias = nn.Embedding(20, D), bias
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(D, HEADS, 24, 0.0, batch_first=True) for _ in range(layers)
        )

    def forward(self, token_ids: Tensor) -> Tensor:
        x = self.table(token_ids)
        for layer in self.layers:
            x = layer(x, self.bias)
        return x


def test_weights_inside_pytorchs_own_layers_are_caught() -> None:
    distances = torch.arange(T) - torch.arange(T)[:, None]
    bias = (0.5 * distances).masked_fill(~past(), float("-inf"))  # ALiBi
    model, token_ids = Layered(2, bias), torch.arange(T)[None]
    caught = attention.weights(model, token_ids)
    assert len(caught) == 2 * HEADS and torch.backends.mha.get_fastpath_enabled()
    first = model.layers[0].self_attn
    q, k, _ = F.linear(model.table(token_ids), first.in_proj_weight, first.in_proj_bias).chunk(
        3, -1
    )
    for head in range(HEADS):
        own = slice(4 * head, 4 * head + 4)
        expected = (q[0, :, own] @ k[0, :, own].T / 2 + bias).softmax(-1)
        np.testing.assert_allclose(caught[head], expected.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_the_mode_of_the_model_is_left() -> None:
    model = Attention(WAYS["F.softmax"])
    attention.weights(model, torch.arange(T)[None])
    assert model.training
