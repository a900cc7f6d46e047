import importlib.util
import shutil
import sys

import pytest

from lmlib import profile


@pytest.mark.parametrize("name", profile.PROFILES)
def test_the_environment_wins(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LMLIB_PROFILE", name)
    assert profile.choose() == name
    assert capsys.readouterr().out == f"Profile: {name} (LMLIB_PROFILE says so).\n"


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMLIB_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast', which is not a profile: set it to smoke, cpu or"):
        profile.choose()


def test_under_the_validate_button_little_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMLIB_PROFILE", raising=False)
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert profile.choose() == "smoke"
    monkeypatch.setenv("LMLIB_PROFILE", "cpu")
    assert profile.choose() == "cpu"


def test_torch_is_not_imported_where_no_gpu_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMLIB_PROFILE", raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert profile.choose() == "cpu"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert profile.choose() == "cpu"
    assert "torch" not in sys.modules


@pytest.mark.parametrize(("available", "expected"), [(True, "gpu"), (False, "cpu")])
def test_torch_decides_once_it_is_loaded(
    available: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cuda:
        @staticmethod
        def is_available() -> bool:
            return available

        @staticmethod
        def get_device_name() -> str:
            return "a card"

    class Torch:
        cuda = Cuda

    monkeypatch.delenv("LMLIB_PROFILE", raising=False)
    monkeypatch.setitem(sys.modules, "torch", Torch)
    assert profile.choose() == expected
