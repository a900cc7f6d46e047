"""Operations are counted as one counts them by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmlib import flops

B, T, D, E, K = 2, 7, 12, 6, 3


def rows() -> Tensor:
    return torch.randn(B, T, D, requires_grad=True)


def columns() -> Tensor:
    return torch.randn(B, D, T, requires_grad=True)


BY_HAND: dict[str, tuple[Callable[[], Any], float]] = {
    "Linear": (lambda: nn.Linear(D, E)(rows()), 2 * B * T * D * E),
    "Conv1d": (lambda: nn.Conv1d(D, E, K)(columns()), 2 * B * (T - 2) * E * D * K),
    "Conv1d, depthwise": (
        lambda: nn.Conv1d(D, D, K, groups=D)(columns()),
        2 * B * (T - 2) * D * K,
    ),
    "Conv2d, grouped": (
        lambda: nn.Conv2d(4, 6, K, groups=2)(torch.randn(B, 4, 5, 5)),
        2 * B * 3 * 3 * 6 * (4 // 2) * K * K,
    ),
    "ConvTranspose1d, grouped": (
        lambda: nn.ConvTranspose1d(D, E, K, groups=3)(columns()),
        2 * B * T * D * (E // 3) * K,
    ),
    "Bilinear": (
        lambda: nn.Bilinear(D, D, E)(rows(), rows()),
        3 * B * T * D * D * E + B * T * E,  # and the bias
    ),
    "cdist": (lambda: torch.cdist(rows(), rows()), 3 * B * T * T * D),
    "Fourier mixing": (
        lambda: torch.fft.fft(torch.fft.fft(rows().cfloat(), dim=-1), dim=-2),
        5 * B * T * D * (math.log2(D) + math.log2(T)),
    ),
    "rfft and back": (
        lambda: torch.fft.irfft(torch.fft.rfft(columns(), n=8), n=8),
        2 * 5 / 2 * B * D * 8 * math.log2(8),
    ),
    "multiply and sum": (
        lambda: (rows()[:, :, None] * rows()[:, None]).sum(-1),
        2 * B * T * T * D,
    ),
    "einsum": (lambda: torch.einsum("btd,bsd->bts", rows(), rows()), 2 * B * T * T * D),
    "fused attention": (
        lambda: F.scaled_dot_product_attention(*(torch.randn(B, 2, T, E) for _ in range(3))),
        B * 2 * (2 * 2 * T * T * E + 5 * T * T + 2 * T * E),  # products, softmax, scales
    ),
    "LayerNorm": (lambda: nn.LayerNorm(D)(rows()), 5 * B * T * D),
    "GELU": (lambda: F.gelu(rows()), B * T * D),
    "Embedding": (lambda: nn.Embedding(9, D)(torch.arange(9)), 0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_counts_are_those_by_hand(name: str) -> None:
    run, by_hand = BY_HAND[name]
    with flops.counting() as counter:
        run()
    assert counter.flops == pytest.approx(by_hand, abs=2) and not counter.uncounted


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_taken_apart(layer: Any) -> None:
    gates = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[layer]
    part = layer(D, E, batch_first=True)
    with flops.counting() as counter:
        part(rows())
    products = 2 * B * T * gates * E * (D + E)
    assert products <= counter.flops < 1.3 * products and not counter.uncounted


@pytest.mark.parametrize("groups", [1, 3, D])
def test_a_convolution_costs_as_much_for_each_of_its_two_derivatives(groups: int) -> None:
    part, x = nn.Conv1d(D, D, K, groups=groups, bias=False), columns()
    with flops.counting() as forward:
        y = part(x)
    with flops.counting() as backward:
        y.backward(torch.ones_like(y))
    assert backward.flops == 2 * forward.flops


def test_attention_costs_twice_as_much_backward() -> None:
    q = torch.randn(B, 2, T, E, requires_grad=True)
    with flops.counting() as forward:
        out = F.scaled_dot_product_attention(q, q, q, is_causal=True)
    with flops.counting() as backward:
        out.backward(torch.ones_like(out))
    products = 2 * 2 * B * 2 * T * T * E
    assert products < forward.flops < 1.7 * products
    assert 2 * products < backward.flops < 3.4 * products


def test_the_optimizer_is_counted() -> None:
    part = nn.Linear(30, 30)
    for make, least in ((torch.optim.SGD, 1), (torch.optim.AdamW, 7)):
        optimizer = make(part.parameters(), lr=0.1)
        part(torch.ones(30)).sum().backward()
        with flops.counting() as counter:
            optimizer.step()
        assert counter.flops >= least * 930 and not counter.uncounted


def test_what_is_not_known_is_named() -> None:
    with flops.counting() as counter:
        torch.linalg.qr(torch.randn(5, 5))
    assert counter.uncounted == {"linalg_qr"}


def test_a_transformer_layer_leaves_nothing_uncounted() -> None:
    layer = nn.TransformerEncoderLayer(D, 3, 4 * D, batch_first=True)
    with flops.counting() as counter:
        layer(rows()).sum().backward()
    products = 3 * B * T * (2 * 4 * D * D + 2 * 2 * T * D + 2 * 2 * D * 4 * D)
    assert products < counter.flops < 1.6 * products and not counter.uncounted
