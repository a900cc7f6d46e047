"""Finite differences, and what they say of a derivative."""

import pytest
import torch

from lmlib import gradcheck


def weights() -> torch.Tensor:
    return torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]], dtype=torch.float64)


def test_the_derivative_of_a_known_loss_is_found() -> None:
    w = weights()
    found = gradcheck.finite_differences(lambda: (w**3).sum(), w)
    assert torch.allclose(found, 3 * w**2, atol=1e-8)
    assert torch.equal(w, weights())


def test_float32_is_refused() -> None:
    w = weights().float()
    with pytest.raises(ValueError, match="need float64"):
        gradcheck.finite_differences(lambda: w.sum(), w)


def test_the_array_at_fault_is_named_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    w = weights()
    wrong = 3 * w**2
    wrong[1, 2] += 1
    tried = {"right": (w, 3 * w**2), "wrong": (w, wrong), "turned": (w, (3 * w**2).T)}
    assert gradcheck.compare(lambda: (w**3).sum(), tried) == ["wrong", "turned"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["✓", "right", "agrees"]
    assert "relative error 2.0e-02; furthest at [1, 2], 49 instead of 48" in lines[1]
    assert "has shape (3, 2), not (2, 3)" in lines[2]


def test_nan_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    w = weights()
    assert gradcheck.compare(lambda: w.sum(), {"nan": (w, w * float("nan"))}) == ["nan"]
