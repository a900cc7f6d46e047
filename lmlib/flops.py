"""Floating-point operations of PyTorch code, counted operator by operator as it runs.

| operation | counted |
|---|---|
| products of matrices, convolutions, attention | a multiplication and an addition each |
| elementwise: sums, products, activations | 1 for each number in the result |
| sums, means, norms, maxima, cumulative ones | 1 for each number read |
| softmax, its logarithm, normalization | 5 for each number |
| Fourier transforms of length n | 5 n log2 n each, half as many between real and complex |
| distances of M dimensions (`cdist`) | 3 M for each |
| bilinear maps | 3 for each product of two inputs and a weight |

Copies, views, lookups, comparisons and random draws are free.  An operation that is neither free
nor known is named in `uncounted`.  Fused attention and recurrent layers are decomposed while
counting.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten
NORMALIZED = 5  # operations for each number of a softmax or a normalization


def _size(value: Any) -> int:
    """The number of elements in a tensor or in a list of tensors."""
    if isinstance(value, Tensor):
        return value.numel()
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return 0


def _convolution(out: Tensor, x: Tensor, weight: Tensor, *others: Any, **named: Any) -> int:
    """A filter has weight.numel() / len(weight) numbers, regardless of the groups."""
    transposed = others[4]
    places = x.numel() if transposed else out.numel()  # each is multiplied with one filter
    return 2 * places * (weight.numel() // len(weight))


def _convolution_backward(
    out: Any, pull: Tensor, x: Tensor, weight: Tensor, *others: Any, **named: Any
) -> int:
    _, _, _, _, transposed, _, _, wanted = others
    forward = _convolution(pull, x, weight, None, None, None, None, transposed)
    return forward * (wanted[0] + wanted[1]) + pull.numel() * wanted[2]


def _fourier(out: Tensor, x: Tensor, dims: list[int], *others: Any, **named: Any) -> int:
    whole = max(x, out, key=lambda tensor: tensor.numel())
    length = math.prod(whole.shape[dim] for dim in dims)
    is_real = not (x.is_complex() and out.is_complex())
    real_numel = (out if x.is_complex() else x).numel() if is_real else x.numel()
    return int(5 * real_numel * math.log2(max(2, length)) / (2 if is_real else 1))


def _trilinear(
    out: Any, one: Tensor, two: Tensor, three: Tensor, *expanded: Any, **named: Any
) -> int:
    tensors = [
        _unsqueezed(tensor, dims) for tensor, dims in zip((one, two, three), expanded, strict=False)
    ]
    return 3 * math.prod(torch.broadcast_shapes(*(tensor.shape for tensor in tensors)))


def _unsqueezed(tensor: Tensor, dims: list[int]) -> Tensor:
    for dim in sorted(dims):
        tensor = tensor.unsqueeze(dim)
    return tensor


def _read(out: Any, x: Any, *others: Any, **named: Any) -> int:
    return _size(x)


def _normalized(out: Any, x: Any, *others: Any, **named: Any) -> int:
    return NORMALIZED * _size(x)


def _distances(out: Tensor, one: Tensor, *others: Any, **named: Any) -> int:
    return 3 * out.numel() * one.shape[-1]


def _distances_backward(out: Tensor, pull: Tensor, one: Tensor, *others: Any, **named: Any) -> int:
    return 3 * pull.numel() * one.shape[-1]


Formula = Callable[..., int]


def _named(names: str, formula: Formula) -> dict[Any, Formula]:
    """A formula for each of the operators that this version of PyTorch has."""
    return {getattr(aten, name): formula for name in names.split() if hasattr(aten, name)}


FORMULAS: Mapping[Any, Formula] = {
    **_named("convolution _convolution cudnn_convolution convolution_overrideable"
             " _conv_depthwise2d _slow_conv2d_forward", _convolution),
    **_named("convolution_backward", _convolution_backward),
    **_named("_fft_r2c _fft_c2r _fft_c2c", _fourier),
    **_named("_trilinear", _trilinear),
    **_named("_cdist_forward _pdist_forward _euclidean_dist", _distances),
    **_named("_cdist_backward", _distances_backward),
    **_named("sum mean amax amin max min logsumexp prod cumsum cumprod logcumsumexp norm var std"
             " var_mean linalg_vector_norm any all argmax argmin nansum embedding_dense_backward"
             " nll_loss_forward nll_loss_backward nll_loss2d_forward nll_loss2d_backward mse_loss"
             " index_add scatter_add max_pool2d_with_indices avg_pool2d cumsum_ index_put"
             " _index_put_impl_ index_put_ scatter_add_ index_add_", _read),
    **_named("_softmax _log_softmax _safe_softmax _softmax_backward_data _log_softmax_backward_data"
             " native_layer_norm native_layer_norm_backward native_group_norm"
             " native_group_norm_backward native_batch_norm native_batch_norm_backward"
             " _native_batch_norm_legit _fused_rms_norm _fused_rms_norm_backward"
             " _thnn_fused_lstm_cell _thnn_fused_gru_cell", _normalized),
}  # fmt: skip
"""Maps an operator to a function of its result and its arguments."""

FREE = frozenset(
    "clone copy_ _to_copy detach detach_ alias empty empty_like empty_strided new_empty"
    " new_empty_strided zeros zeros_like new_zeros ones ones_like new_ones full full_like new_full"
    " scalar_tensor arange linspace eye zero_ fill_ embedding index index_select gather scatter"
    " select_backward slice_backward select_scatter slice_scatter as_strided_ cat stack"
    " repeat repeat_interleave flip roll tril triu masked_select nonzero unbind split chunk"
    " unsafe_split unsafe_chunk transpose transpose_ t t_ permute view expand squeeze unsqueeze"
    " _unsafe_view _reshape_alias resize_ set_ lift_fresh lift_fresh_copy _local_scalar_dense equal"
    " is_nonzero isnan bernoulli bernoulli_ normal_ uniform_ random_ randperm randint rand randn"
    " multinomial exponential_ native_dropout constant_pad_nd one_hot _pin_memory is_pinned"
    " view_as_real view_as_complex _conj complex real imag where masked_fill masked_fill_"
    " masked_scatter gather_backward unfold_backward _foreach_zero_ _foreach_copy_ index_copy"
    " value_selecting_reduction_backward sort topk searchsorted bucketize unique_dim _unique2"
    " bincount record_stream resolve_conj resolve_neg tril_indices triu_indices eq ne lt le gt ge"
    " _record_function_enter_new _record_function_exit _record_function_enter"
    " _has_same_storage_numel"
    " logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_not"
    .split()
)  # fmt: skip


class Counter(TorchDispatchMode):
    """Counts the FLOPs of the code inside a `with` block."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.uncounted: set[str] = set()  # operators that are neither free nor known

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        packet = function._overloadpacket if hasattr(function, "_overloadpacket") else function
        if packet not in FORMULAS and packet not in flop_registry:
            with self:
                taken_apart = function.decompose(*args, **kwargs)
            if taken_apart is not NotImplemented:
                return taken_apart
        out = function(*args, **kwargs)
        self.flops += self._cost(function, packet, out, args, kwargs)
        return out

    def _cost(self, function: Any, packet: Any, out: Any, args: Any, kwargs: Any) -> int:
        name = packet.__name__
        if packet in FORMULAS:
            return FORMULAS[packet](out, *args, **kwargs)
        if packet in flop_registry:
            return int(flop_registry[packet](*args, **kwargs, out_val=out))
        if name in FREE or getattr(function, "is_view", False):
            return 0
        if name.startswith("_fused_adam"):
            return 12 * _size(args[0])
        if name.startswith("_foreach_"):
            return _size(args[0])
        if torch.Tag.pointwise in function.tags:
            return _size(out) if out is not None else _size(args)
        self.uncounted.add(name.strip("_"))
        return 0


@contextmanager
def counting() -> Iterator[Counter]:
    """Count the FLOPs of the code inside, with attention and recurrent layers decomposed."""
    with (
        warnings.catch_warnings(action="ignore", category=UserWarning),  # about missing backends
        sdpa_kernel(SDPBackend.MATH),
        torch.backends.mkldnn.flags(enabled=False),
        torch.backends.cudnn.flags(enabled=False),
        Counter() as counter,
    ):
        yield counter
