import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lmlib


def loaded_after(statement: str) -> set[str]:
    """The modules that a fresh Python holds after a statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_lmlib_loads_no_heavy_package() -> None:
    loaded = loaded_after("import lmlib")
    assert "lmlib" in loaded
    assert not loaded & {"torch", "matplotlib", "numpy", "IPython"}


def test_what_students_import_never_loads_torch() -> None:
    loaded = loaded_after("from lmlib import checks, corpora, plots, profile, tokenizers, weights")
    assert "lmlib.plots" in loaded
    assert "torch" not in loaded


VERSION = "import lmlib; print(lmlib.__version__, lmlib.__file__)"


def test_the_version_is_that_of_the_package_itself(tmp_path: Path) -> None:
    """Whatever else is installed: a checkout has a version of its own."""
    place = Path(lmlib.__file__).parent
    if not (place / "pyproject.toml").exists():
        pytest.skip("lmlib is installed from its wheel")
    assert lmlib.__version__ == lmlib.CHECKOUT
    (tmp_path / "lmlib").mkdir()
    shutil.copy(place / "__init__.py", tmp_path / "lmlib")
    about = tmp_path / "lmlib-2026.1.0.post7.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lmlib\nVersion: 2026.1.0.post7\n")
    run = subprocess.run(
        [sys.executable, "-c", VERSION],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.split() == ["2026.1.0.post7", str(tmp_path / "lmlib" / "__init__.py")]


def test_a_name_that_lmlib_lacks_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="module 'lmlib' has no attribute 'versions'"):
        lmlib.versions  # noqa: B018


def test_asking_for_no_version_looks_for_none() -> None:
    assert "importlib.metadata" not in loaded_after("import lmlib") - loaded_after("pass")
