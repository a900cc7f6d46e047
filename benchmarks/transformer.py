"""Speed of the instructor's solution of the second problem set.

    python benchmarks/transformer.py

Runs the notebook's own cells. Prints the share of the machine's matrix-product rate that a forward
pass of 128 tokens reaches (the time of the bare float32 products of the same shapes, over the time
of the pass, alternating in one run), and the tokens per second of greedy generation with and
without the bonus's key-value cache.
"""

import contextlib
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

NAME = "ps2_numpy_transformer"
SOURCE = Path(__file__).parents[1] / "source" / NAME / f"{NAME}.ipynb"
CELLS = (
    "setup tokenizer parameters helpers positions embed_tokens multi_head_attention mlp"
    " prediction_head transformer generate_with_transformer generate_with_cache"
).split()
TOKENS = 128
ROUNDS = 30


def solution() -> dict[str, Any]:
    """The names after the given cells and the solutions."""
    cells = {cell.id: cell.source for cell in nbformat.read(SOURCE, as_version=4).cells}
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in CELLS:
            exec(cells[name], names)
    return names


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def factors(params: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The operands of every matrix product in a forward pass, in their shapes and layouts."""
    generator = np.random.default_rng(0)

    def rows(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(np.float32)

    x, features = rows(TOKENS, 512), rows(TOKENS, 1024)
    queries, shares = rows(8, TOKENS, 64), rows(8, TOKENS, TOKENS)
    keys = rows(8, 64, TOKENS)
    square = [
        f"layers.{i}.attention.{w}.weight" for i in range(4) for w in ("wq", "wk", "wv", "wo")
    ]
    pairs = [(x, params[name].T) for name in square]
    for i in range(4):
        pairs.append((x, params[f"layers.{i}.feed_forward.0.weight"].T))
        pairs.append((features, params[f"layers.{i}.feed_forward.2.weight"].T))
        pairs += [(queries, keys), (shares, queries)]
    pairs.append((x, params["fc_out.weight"].T))
    return pairs


def multiply(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """The bare products."""
    for left, right in pairs:
        np.matmul(left, right)


def main() -> None:
    """Measure and print."""
    names = solution()
    params, transformer = names["params"], names["transformer"]
    tokens = np.random.default_rng(1).integers(1024, size=TOKENS)
    pairs = factors(params)
    pass_times, product_times = [], []
    for _ in range(ROUNDS + 3):
        pass_times.append(seconds(transformer, tokens, params))
        product_times.append(seconds(multiply, pairs))
    shares = [p / f for p, f in zip(product_times[3:], pass_times[3:], strict=True)]
    operations = sum(2 * left.size * right.shape[-1] for left, right in pairs)
    rate = operations / statistics.median(product_times[3:])
    print(f"forward pass of {TOKENS} tokens: {1e3 * statistics.median(pass_times[3:]):.1f} ms")
    print(f"its matrix products alone: {rate / 1e9:.0f} GFLOP/s")
    print(f"share of the matrix-product rate: {statistics.median(shares):.0%}")

    def without_cache() -> None:
        names["generate_with_transformer"]("The", params, max_len=TOKENS, greedy=True)

    def with_cache() -> None:
        names["generate_with_cache"]("The", params, max_len=TOKENS)

    rounds = [(seconds(without_cache), seconds(with_cache)) for _ in range(3)]
    for what, times in zip(
        ("the whole text each time", "with a cache"), zip(*rounds, strict=True), strict=True
    ):
        print(f"{TOKENS} tokens, {what}: {TOKENS / statistics.median(times):.0f} tokens a second")
    ratio = statistics.median(slow / fast for slow, fast in rounds)
    print(f"the cache is {ratio:.1f} times as fast")


if __name__ == "__main__":
    main()
