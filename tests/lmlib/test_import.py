import subprocess
import sys

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


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert version("lmlib") == lmlib.__version__
